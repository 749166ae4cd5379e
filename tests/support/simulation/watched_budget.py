"""A budget that sees whether mappings keep to it (M)."""

from collections.abc import Callable

from mqtt_kafka_bridge.flows.budget import Budget, Share
from tests.support.simulation.journal import Journal

_EVENTS_OF_A_READ = 3


class WatchedBudget(Budget):
    """A budget that counts what arrives although its mapping was asked to read no more."""

    def __init__(self, limit: int, members: int) -> None:
        super().__init__(limit, members)
        self._members: list[Share] = []
        self._holds = 0
        self._grown = 0

    @property
    def used(self) -> int:
        """What all shares hold now."""
        return sum(share.used for share in self._members)

    def share(self, hold: Callable[[bool], None]) -> Share:
        """Return a new mapping's share."""

        def counted(held: bool) -> None:  # noqa: FBT001 - as the port has it
            self._holds += held
            hold(held)

        share = super().share(counted)
        self._members.append(share)
        return share

    def changed(self, share: Share, before: int) -> None:
        """Count it when a share grows that is held."""
        self._grown += share.held and share.used > before
        super().changed(share, before)

    def check(self, journal: Journal, connections: int) -> None:
        """See that no more came than one read after each hold, and with each CONNACK."""
        most = _EVENTS_OF_A_READ * (self._holds + connections)
        if self._grown > most:
            journal.wrong("M", f"{self._grown} reads while held, at most {most} may be")
