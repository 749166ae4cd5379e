"""The persistent MQTT session of a mapping: subscribed, watched, and shown on the board."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import structlog

from mqtt_kafka_bridge.contract.status import SessionState
from mqtt_kafka_bridge.coordination.plan import Wanted
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows.display import show_mqtt_down, show_mqtt_up, words
from mqtt_kafka_bridge.flows.markers import Announcement, Marker
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.session_options import options, subscription
from mqtt_kafka_bridge.flows.session_risks import loss, risks
from mqtt_kafka_bridge.mqtt.dialing import CONNECT_SECONDS
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected, Received
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.subscribing import Subscription
from mqtt_kafka_bridge.observe.flow_board import FlowBoard

log = structlog.get_logger()
_LOOK_SECONDS = 0.05


class SessionUser(Protocol):
    """The flow whose session it is."""

    def received(self, event: Received) -> None:
        """Take messages."""
        ...

    def link_lost(self) -> None:
        """Learn that what the link brought can't be acknowledged any more."""
        ...

    def session_resumes(self) -> None:
        """Learn that the broker is going to send again what an old link brought."""
        ...


class InboundSession:
    """What a keeper tells about a session, and what is done about it.

    Args:
        parts: what all flows share.
        wanted: which session, and how it is defined.
        board: where its state is shown.
        flow: who takes messages.
        marker: to listen to as well, while the session is being replaced.
        holding: take no message: the broker keeps them.
    """

    def __init__(
        self,
        parts: Parts,
        wanted: Wanted,
        board: FlowBoard,
        flow: SessionUser,
        marker: Marker | None = None,
        *,
        holding: bool = False,
    ) -> None:
        self._now = parts.now
        self.options = options(parts.config.mqtt, wanted.client_id)
        self.link: Link | None = None
        self._last: Link | None = None
        """The one that is being closed in good order."""
        self.held = False
        self.resumed = False
        """Whether the present link resumed the session: what the last one brought comes again."""
        self._holding = holding
        self.subscribed = asyncio.Event()
        """Whether there is a link over which it is subscribed; `subscribed_at` says since when."""
        self.subscribed_at = 0.0
        self._announcement: Announcement | None = None
        self._connected: Connected | None = None
        self._marker = marker
        self._flow = flow
        self.received = flow.received if marker is None else marker.sought_by(flow.received)
        self._cut = False
        self.leaving = wanted.leaving
        """Whether it is not to be subscribed (any more)."""
        self.forgotten = False
        """Whether it is being replaced and the broker has nothing more for it."""
        self._board = board
        self._seen = False
        self._mapping = wanted.mapping
        self._subscription = subscription(parts.config, wanted.mapping)
        assert board.session is not None  # noqa: S101 - whoever runs a session opens its board
        self._session = board.session

    def acknowledged(self, event: Acknowledged) -> None:
        """Take the PUBACK of a marker: this session publishes nothing else."""
        if self._announcement is not None:
            self._announcement.acknowledged(refused=bool(event.refused))

    def opened(self, link: Link, server: str) -> None:
        """Use a link from now on: a broker may send what it kept in one write with CONNACK."""
        self.link = link
        if self._cut or self._holding:
            link.cut()
        if self.held:
            link.hold("bytes")
        self._session.server = server
        self._be(SessionState.CONNECTING)

    async def up(self, link: Link, connected: Connected, server: str) -> None:
        """Subscribe, always: that a session is present does not mean that it is subscribed.

        Raises:
            BridgeError: the subscription was refused.
        """
        self._note_loss(connected)
        self.resumed = connected.session_present
        if self.resumed:
            self._flow.session_resumes()
        elif self._marker is not None:
            # The new one has what came since, and all from now on: to forward would overtake it.
            self.forgotten = self.leaving = True
        self._connected = connected
        await self._greet(link)
        self.subscribed.set()
        self.subscribed_at = asyncio.get_running_loop().time()
        self._session.session_present = connected.session_present
        self._be(SessionState.HOLDING if self._holding else SessionState.FORWARDING)
        show_mqtt_up(
            self._board,
            "session",
            server=server,
            client_id=self.options.client_id,
            session_present=connected.session_present,
        )
        if self._announcement is not None:
            self._announcement.publish(link)

    async def _greet(self, link: Link) -> None:
        """Subscribe; or unsubscribe, if that is over."""
        if self.leaving:
            await self._unsubscribe(link)
        else:
            await self._subscribe(link)

    async def _subscribe(self, link: Link) -> None:
        wanted = [self._subscription]
        if self._marker is not None:
            wanted.append(Subscription(self._marker.topic, 1, 2, optional=True))
        link.write(link.session.subscribe(wanted))
        granted = (await link.subscribed(CONNECT_SECONDS)).granted_qos
        assert self._connected is not None  # noqa: S101 - there is a link
        found = risks(self._mapping, self._subscription, self.options, self._connected, granted[0])
        for reason, risk in found:
            if risk is not None:
                self._board.risks[reason] = risk
            else:
                self._board.risks.pop(reason, None)

    async def _unsubscribe(self, link: Link) -> None:
        link.write(link.session.unsubscribe([self._subscription.filter]))
        await link.unsubscribed(CONNECT_SECONDS)

    def announce(self, announcement: Announcement) -> None:
        """Publish a marker, if there is a link; the next one publishes it, too."""
        self._announcement = announcement
        if self.link is not None and self.subscribed.is_set():
            announcement.publish(self.link)

    async def answers(self, link: Link) -> bool:
        """Return whether the broker still answers over a link: silence alone says nothing."""
        try:
            await self._greet(link)
        except BridgeError:
            return False
        return link is self.link

    async def may_leave(self, link: Link | None) -> bool:
        """Tell whether a link that brought all that was queued has brought all else, too.

        With a window that is not full the broker has sent what it had by now, and has to complete
        that [MQTT-3.10.4-5]; what is still queued it may throw away. False: the link is lost.
        """
        while link is not None and link is self.link:
            if link.session.unacknowledged < self.options.receive_maximum:
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def unsubscribe(self) -> None:
        """Unsubscribe over this link, if there is one; over the next ones `up` does."""
        if self.link is not None and self.subscribed.is_set():
            try:
                await self._unsubscribe(self.link)
            except BridgeError as error:
                log.warning("not unsubscribed", mapping=self._board.name, **words(error.trouble))

    def lost(self, error: BridgeError) -> None:
        """Stop acknowledging over a link that is gone."""
        self.down(error)

    def down(self, error: BridgeError) -> None:
        """Show that there is no connection, and why."""
        self.resumed = False
        self.subscribed.clear()
        if self.link is not None:
            self.link = None
            self._flow.link_lost()
        if not self._cut:
            self._be(SessionState.WAITING)
        show_mqtt_down(self._board, "session", error)

    def hold(self, held: bool) -> None:  # noqa: FBT001 - a setter
        """Read no more from the socket, on this link and on the next, or go on."""
        self.held = held
        if self.link is not None:
            (self.link.hold if held else self.link.release)("bytes")

    def acknowledge(self, packet_ids: Sequence[int | None]) -> None:
        """Send PUBACKs, in one write; None needs none."""
        ids = [packet_id for packet_id in packet_ids if packet_id is not None]
        if self.link is not None and ids:
            self.link.write(self.link.session.acknowledge(ids))

    def cut(self) -> None:
        """Take no more messages: those that still come stay with the broker."""
        self._cut = True
        self._be(SessionState.DRAINING)
        if self.link is not None:
            self.link.cut()

    async def end(self) -> None:
        """Disconnect in good order; the session stays at the broker.

        Whoever comes second waits for the same end: who is done sooner would cut it short.
        """
        if self.link is not None:
            self._last, self.link = self.link, None
        if self._last is not None:
            await self._last.end()

    def _be(self, state: SessionState) -> None:
        self._session.be(state, self._now())

    def _note_loss(self, connected: Connected) -> None:
        if self._seen and not connected.session_present:
            self._board.meter.sessions_lost += 1
            trouble = loss(self.options.client_id)
            self._board.risks[trouble.reason] = trouble
            log.warning("session lost", mapping=self._board.name, cure=trouble.cure)
        self._seen = True
