"""The persistent MQTT session of a mapping: subscribed, watched, and shown on the board."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.status import Reason, SessionState, Trouble
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows.display import show_mqtt_down, show_mqtt_up
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.mapping.names import session_client_id
from mqtt_kafka_bridge.mqtt.dialing import CONNECT_SECONDS
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected, Received
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.session import Options, Subscription
from mqtt_kafka_bridge.observe.board import MappingBoard, SessionBoard

log = structlog.get_logger()
_RETAIN_HANDLING = {"Include": 1, "Only": 1, "Skip": 2}


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
    """What a keeper tells about a mapping's session, and what the mapping does about it.

    Args:
        parts: what all flows share.
        mapping: whose session it is.
        filter_text: the filter as SUBSCRIBE wants it.
        board: where its state is shown.
        flow: who takes messages.
    """

    def __init__(
        self,
        parts: Parts,
        mapping: MqttToKafka,
        filter_text: str,
        board: MappingBoard,
        flow: SessionUser,
    ) -> None:
        config, now = parts.config, parts.now
        mqtt = config.mqtt
        self.options = Options(
            client_id=session_client_id(config, mapping),
            clean_start=False,
            session_expiry_seconds=int(mqtt.session_expiry.total_seconds()),
            keep_alive_seconds=int(mqtt.keep_alive.total_seconds()),
            receive_maximum=mqtt.receive_maximum,
            maximum_packet_size=mqtt.maximum_packet_size,
        )
        self.link: Link | None = None
        self.received = flow.received
        self.held = False
        self.resumed = False
        """Whether the present link resumed the session: what the last one brought comes again."""
        self._cut = False
        self._flow = flow
        self._now = now
        self._board = board
        self._seen = False
        source = mapping.from_
        self._subscription = Subscription(
            filter_text, source.qos, _RETAIN_HANDLING[source.retained]
        )
        self._session = board.session = SessionBoard(self.options.client_id, now())

    def acknowledged(self, event: Acknowledged) -> None:
        """Take nothing: this session only reads."""

    def opened(self, link: Link, server: str) -> None:
        """Use a link from now on: a broker may send what it kept in one write with CONNACK."""
        self.link = link
        if self._cut:
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
        link.write(link.session.subscribe([self._subscription]))
        subscribed = await link.subscribed(CONNECT_SECONDS)
        self._note_risks(connected, subscribed.granted_qos[0])
        self._session.session_present = connected.session_present
        self._be(SessionState.FORWARDING)
        show_mqtt_up(
            self._board,
            "session",
            server=server,
            client_id=self.options.client_id,
            session_present=connected.session_present,
        )

    def lost(self, error: BridgeError) -> None:
        """Stop acknowledging over a link that is gone."""
        self.down(error)

    def down(self, error: BridgeError) -> None:
        """Show that there is no connection, and why."""
        self.resumed = False
        if self.link is not None:
            self.link = None
            self._flow.link_lost()
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
        """Disconnect in good order; the session stays at the broker."""
        link, self.link = self.link, None
        if link is not None:
            await link.end()
        self._be(SessionState.WAITING)

    def _be(self, state: SessionState) -> None:
        if self._session.state is not state:
            self._session.state, self._session.since = state, self._now()

    def _note_loss(self, connected: Connected) -> None:
        if self._seen and not connected.session_present:
            self._board.meter.sessions_lost += 1
            trouble = Trouble(
                reason=Reason.SESSION_LOST,
                message=f"the broker forgot the session {self.options.client_id}, and what it"
                " held for it",
                cure="let the broker keep sessions on disk, and longer than any outage",
            )
            self._board.risks[Reason.SESSION_LOST] = trouble
            log.warning("session lost", mapping=self._board.name, cure=trouble.cure)
        self._seen = True

    def _note_risks(self, connected: Connected, granted_qos: int) -> None:
        """Show what the broker grants less than was asked for, and take back what is cured."""
        wanted = self._subscription.qos
        expiry, asked = connected.limits.session_expiry_seconds, self.options.session_expiry_seconds
        risks = {
            Reason.QOS_ZERO: wanted == 0
            and ("qos is 0: messages may be lost at any time", "set from.qos to 1"),
            Reason.QOS_LOWERED: granted_qos < wanted
            and (
                f"the broker granted QoS {granted_qos} instead of {wanted}",
                "allow QoS 1 at the broker",
            ),
            Reason.SESSION_EXPIRY_LOWERED: expiry < asked
            and (
                f"the broker keeps the session for {expiry} s, not for {asked} s",
                "raise the broker's limit, or lower mqtt.sessionExpiry knowingly",
            ),
        }
        for reason, risk in risks.items():
            if risk:
                self._board.risks[reason] = Trouble(reason=reason, message=risk[0], cure=risk[1])
            else:
                self._board.risks.pop(reason, None)
