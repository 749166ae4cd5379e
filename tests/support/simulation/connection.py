"""One connection to the simulated MQTT broker: MQTT 5 by the codec, checked at every byte."""

from typing import TYPE_CHECKING

import mqtt5

from tests.support.simulation.delivery import Delivery
from tests.support.simulation.fates import Fate
from tests.support.simulation.packets import Packets
from tests.support.simulation.sessions import MARKERS, Message
from tests.support.simulation.wire import Wire

if TYPE_CHECKING:
    from tests.support.simulation.broker import Broker

_TAKEN_OVER = mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
_NOT_AUTHORIZED, _REFUSED = 0x87, 0x80
_UNSUBSCRIBED = mqtt5.UnsubAckReasonCode.SUCCESS
_NOT_THERE = mqtt5.UnsubAckReasonCode.NO_SUBSCRIPTION_EXISTED


class Connection(Delivery):
    """The broker's end of a wire."""

    def __init__(self, broker: "Broker", wire: Wire) -> None:
        super().__init__(broker, wire)
        self.clean_end = False
        """Whether the client said DISCONNECT."""
        self.refused = False
        """Whether its subscription was refused: that ends it, whatever it has in hand."""
        self._arrived = Packets()
        self._keep_alive = 0
        self._heard_at = 0.0
        self._late_suback: bytes | None = None

    def written(self, data: bytes) -> None:
        """Look at what the client writes, at the moment when it writes."""
        for client_id in self.client.written(data):
            self._broker.connecting(self._wire.life, client_id)

    def delivered(self, data: bytes) -> None:
        """Look at what the client has read."""
        self.client.delivered(data)

    # What arrives

    def data(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._heard_at = self._broker.loop.time()
        for packet in self._arrived.feed(data):
            if self.open:
                self._take(packet)
        self.flush()

    def _take(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.ConnectPacket):
            self._connect(packet)
        elif isinstance(packet, mqtt5.PubAckPacket):
            self._acknowledged(packet.packet_id)
        elif isinstance(packet, mqtt5.PublishPacket):
            self._published(packet)
        elif isinstance(packet, mqtt5.SubscribePacket):
            self._subscribe(packet)
        elif isinstance(packet, mqtt5.UnsubscribePacket):
            self._unsubscribe(packet)
        elif isinstance(packet, mqtt5.PingReqPacket):
            self._out.append(mqtt5.PingRespPacket().write())
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self.clean_end = int(packet.reason_code) == 0
            if not self.clean_end:
                self._broker.journal.wrong("wire", f"DISCONNECT {packet.reason_code!r}")
            if self.session is not None and packet.session_expiry_interval is not None:
                self.session.expiry_seconds = packet.session_expiry_interval
            self._wire.close_by_broker()
        else:
            self._broker.journal.wrong("wire", f"{packet!r} makes no sense")

    def _connect(self, packet: mqtt5.ConnectPacket) -> None:
        broker = self._broker
        refusal = broker.faults.refuse_connect()
        if refusal is not None:
            code = mqtt5.ConnAckReasonCode(refusal)
            self._out.append(mqtt5.ConnAckPacket(reason_code=code).write())
            self.flush()
            self._wire.close_by_broker()
            return
        self.session, present = broker.resume(packet, self)
        self._receive_maximum = min(packet.receive_max, broker.options.most_in_flight)
        self._keep_alive = packet.keep_alive
        self._watch()
        self._out.append(
            mqtt5.ConnAckPacket(
                session_present=present,
                receive_max=broker.options.receive_maximum,
                max_packet_size=broker.options.maximum_packet_size,
            ).write()
        )
        broker.journal.note(f"connected {packet.client_id} present={present}")
        if not broker.options.together:
            self.flush()
        self._resend()
        if broker.faults.cut_after("CONNACK"):
            self.flush()
            self._wire.close_by_broker()

    def _subscribe(self, packet: mqtt5.SubscribePacket) -> None:
        broker, session = self._broker, self.session
        assert session is not None
        codes = []
        for topic_filter in packet.topic_filters:
            refused = broker.faults.refuse_subscribe()
            if broker.options.forbids_markers and topic_filter.pattern.startswith(MARKERS):
                refused = _NOT_AUTHORIZED
            if refused is None:
                broker.subscribe(session, topic_filter)
            code = int(topic_filter.max_qos) if refused is None else refused
            codes.append(mqtt5.SubAckReasonCode(code))
        suback = mqtt5.SubAckPacket(packet.packet_id, codes).write()
        broker.journal.note(f"subscribed {session.client_id} {codes}")
        self.refused = int(codes[0]) >= _REFUSED
        if not self.refused:
            broker.subscribed(self._wire.life, session.client_id)
        if broker.options.late_suback and self.client.unacknowledged:
            self._late_suback = suback
        else:
            self._out.append(suback)
        self.pump()
        if broker.faults.cut_after("SUBACK"):
            self.flush()
            self._wire.close_by_broker()

    def _unsubscribe(self, packet: mqtt5.UnsubscribePacket) -> None:
        session = self.session
        assert session is not None
        there = [self._broker.unsubscribe(session, pattern) for pattern in packet.patterns]
        codes = [_UNSUBSCRIBED if each else _NOT_THERE for each in there]
        self._broker.journal.note(f"unsubscribed {session.client_id} {packet.patterns}")
        self._out.append(mqtt5.UnsubAckPacket(packet.packet_id, codes).write())

    def _acknowledged(self, packet_id: int) -> None:
        session = self.session
        assert session is not None
        message = session.in_flight.pop(packet_id, None)
        if message is None:
            self._broker.journal.wrong("wire", f"stale PUBACK for packet id {packet_id}")
            return
        self._broker.journal.note(f"puback {message.shown}")
        if self._late_suback is not None:
            self._out.append(self._late_suback)
            self._late_suback = None
        if not session.in_flight:
            self._batch_open = True
        self.pump()

    def _published(self, packet: mqtt5.PublishPacket) -> None:
        heard, packet_id = self._broker.heard, packet.packet_id
        code = self._broker.faults.refuse_publish() if packet_id is not None else 0
        if packet.topic.startswith(MARKERS):
            code = _NOT_AUTHORIZED if self._broker.options.forbids_markers else 0
            if not code:
                self._broker.publish(Message(packet.topic, packet.payload, Fate.FILTERED))
        elif code:
            heard.refused.add(packet.payload)
            self._broker.journal.note(f"refused 0x{code:02X} {packet.payload[:40]!r}")
        else:
            heard.accept(packet.payload)
        if packet_id is not None:
            reason = mqtt5.PubAckReasonCode(code)
            self._out.append(mqtt5.PubAckPacket(packet_id, reason_code=reason).write())

    # Its end

    def end(self, code: int | None = None) -> None:
        """Close: with DISCONNECT and a reason code, or just the end of file."""
        if code is not None:
            reason = mqtt5.DisconnectReasonCode(code)
            self._out.append(mqtt5.DisconnectPacket(reason_code=reason).write())
        self.flush()
        self._wire.close_by_broker()

    def cut(self) -> None:
        """Cut the wire."""
        self._wire.cut()

    def vanish(self) -> None:
        """Let the wire swallow everything from now on."""
        self._wire.black_hole = True

    def taken_over(self) -> None:
        """End it for another connection of the same client id [MQTT-3.1.4-3]."""
        self._broker.journal.note("taken over")
        self.end(None if self._broker.options.silent_takeover else int(_TAKEN_OVER))
        self.closed()

    def eof(self) -> None:
        """Close when the client has sent everything."""
        self._wire.close_by_broker()

    def closed(self) -> None:
        """Forget the connection."""
        if self.open:
            self.open = False
            self._broker.gone(self)

    def _watch(self) -> None:
        """Close when the client is silent for one and a half times the keep-alive."""
        if not self.open or not self._keep_alive:
            return
        if self._broker.loop.time() - self._heard_at > 1.5 * self._keep_alive:
            self._broker.journal.note("keep-alive passed")
            self._wire.black_hole = True
            self.closed()
            return
        self._broker.loop.later(self._keep_alive / 2, self._watch)
