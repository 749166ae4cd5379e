"""Whether every CONNECT of a session came right after a proof that its slot is ours."""

from collections.abc import Callable
from typing import NamedTuple

from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.mqtt.admission import FRESH_SECONDS
from tests.support.simulation.journal import Journal
from tests.support.simulation.life import Life

_DIAL_SECONDS = 0.3
"""In the time of the process: dialing takes 0.2 s."""
_PREFIX = "local.sim."


class Proof(NamedTuple):
    """A proof that a slot is a pod's; it is good for one CONNECT."""

    at: float
    """When Kafka took the commit."""
    known_at: float
    """When the pod had the answer, in its own time."""


Proofs = dict[tuple[Life, int], list[Proof]]


class Leases:
    """Sees every CONNECT.

    Args:
        journal: where broken promises are written down.
        now: the clock.
        slots: how many there are; 0: nothing is coordinated.
    """

    def __init__(self, journal: Journal, now: Callable[[], float], slots: int) -> None:
        self.proofs: Proofs = {}
        self._journal = journal
        self._now = now
        self._slots = slots

    def connecting(self, life: Life, client_id: str) -> None:
        """See a CONNECT at the moment when it is written."""
        mapping, kind, *member = client_id.removeprefix(_PREFIX).split(".")
        if not self._slots or kind == "out":
            return
        slot = slot_of(mapping, int(member[0]) if member else 0, self._slots)
        fresh = [
            proof
            for proof in self.proofs.pop((life, slot), [])
            if self._now() - proof.at <= FRESH_SECONDS
            and life.own_time - proof.known_at <= _DIAL_SECONDS
        ]
        if not fresh:
            self._journal.wrong("lease", f"{life.name} connects {client_id} without a fresh proof")
        self.proofs[life, slot] = fresh[1:]
