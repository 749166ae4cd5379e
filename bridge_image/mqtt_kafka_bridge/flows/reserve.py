"""A session that is subscribed and takes nothing yet: the broker keeps for it what comes.

The new session of a replacement waits so. To keep what comes here, unacknowledged, would fill the
memory, and a socket that is not read for that hides the broker's answers to SUBSCRIBE.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from mqtt_kafka_bridge.coordination.plan import Wanted
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.sessions import InboundSession
from mqtt_kafka_bridge.mqtt.events import Received
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.observe.flow_board import FlowBoard

_RECEIVE_MAXIMUM = 65535
"""Nothing is acknowledged, so that less could hold up what is no message."""


class Reserve:
    """One session, kept subscribed.

    Args:
        parts: what all flows share.
        wanted: which session, and how it is defined.
        board: where its state is shown.
        admit: proves, before every CONNECT, that the session is ours.
    """

    def __init__(
        self,
        parts: Parts,
        wanted: Wanted,
        board: FlowBoard,
        admit: Callable[[], Awaitable[None]],
    ) -> None:
        self.session = InboundSession(parts, wanted, board, self, holding=True)
        options = replace(self.session.options, receive_maximum=_RECEIVE_MAXIMUM)
        mqtt = parts.config.mqtt
        self._keeper = Keeper(mqtt, options, self.session, parts.dial, parts.buffer, admit=admit)

    @property
    def idle_seconds(self) -> float:
        """For how long it has had nothing to finish: what comes is always with the broker."""
        return 0.0

    async def run(self) -> None:
        """Stay connected until cancelled. Raises LeaseRefusedError."""
        await self._keeper.run()

    async def drain(self) -> None:
        """Disconnect in good order: all that came is with the broker still."""
        await self.session.end()

    def received(self, event: Received) -> None:
        """Take nothing: the link is cut."""

    def link_lost(self) -> None:
        """Miss nothing."""

    def session_resumes(self) -> None:
        """Expect nothing."""
