"""One connection to the simulated MQTT broker: MQTT 5 by the codec, checked at every byte."""

from typing import TYPE_CHECKING

import mqtt5

from tests.support.simulation.client_view import ClientView
from tests.support.simulation.packets import Packets
from tests.support.simulation.sessions import BrokerSession, Message
from tests.support.simulation.wire import Wire

if TYPE_CHECKING:
    from tests.support.simulation.broker import Broker

_TAKEN_OVER = mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER


class Connection:
    """The broker's end of a wire."""

    def __init__(self, broker: "Broker", wire: Wire) -> None:
        self.open = True
        self.session: BrokerSession | None = None
        self.clean_end = False
        """Whether the client said DISCONNECT."""
        self.client = ClientView(broker.journal, broker.options, broker.stored, broker.heard)
        self._broker = broker
        self._wire = wire
        self._arrived = Packets()
        self._receive_maximum = 0
        self._keep_alive = 0
        self._heard_at = 0.0
        self._batch_open = True
        self._late_suback: bytes | None = None
        self._out: list[bytes] = []

    def written(self, data: bytes) -> None:
        """Look at what the client writes, at the moment when it writes."""
        self.client.written(data)

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
        elif isinstance(packet, mqtt5.PingReqPacket):
            self._out.append(mqtt5.PingRespPacket().write())
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self.clean_end = int(packet.reason_code) == 0
            if not self.clean_end:
                self._broker.journal.wrong("wire", f"DISCONNECT {packet.reason_code!r}")
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

    def _resend(self) -> None:
        session, options = self.session, self._broker.options
        assert session is not None
        if options.renumber:
            session.renumber()
        for packet_id, message in session.in_flight.items():
            self._send(packet_id, message, duplicate=not options.renumber)
        self.pump()

    def _subscribe(self, packet: mqtt5.SubscribePacket) -> None:
        broker, session = self._broker, self.session
        assert session is not None
        codes = []
        for topic_filter in packet.topic_filters:
            refused = broker.faults.refuse_subscribe()
            if refused is not None:
                codes.append(mqtt5.SubAckReasonCode(refused))
                continue
            new = topic_filter.pattern not in session.subscriptions
            session.subscriptions[topic_filter.pattern] = int(topic_filter.max_qos)
            codes.append(mqtt5.SubAckReasonCode(int(topic_filter.max_qos)))
            if new and topic_filter.retain_handling != mqtt5.RetainHandling.SEND_NEVER:
                broker.send_retained(session, topic_filter.pattern)
        suback = mqtt5.SubAckPacket(packet.packet_id, codes).write()
        broker.journal.note(f"subscribed {session.client_id} {codes}")
        if broker.options.late_suback and self.client.unacknowledged:
            self._late_suback = suback
        else:
            self._out.append(suback)
        self.pump()
        if broker.faults.cut_after("SUBACK"):
            self.flush()
            self._wire.close_by_broker()

    def _acknowledged(self, packet_id: int) -> None:
        session = self.session
        assert session is not None
        message = session.in_flight.pop(packet_id, None)
        if message is None:
            self._broker.journal.wrong("wire", f"stale PUBACK for packet id {packet_id}")
            return
        self._broker.journal.note(f"puback {message.payload[:40]!r}")
        if self._late_suback is not None:
            self._out.append(self._late_suback)
            self._late_suback = None
        if not session.in_flight:
            self._batch_open = True
        self.pump()

    def _published(self, packet: mqtt5.PublishPacket) -> None:
        heard, packet_id = self._broker.heard, packet.packet_id
        code = self._broker.faults.refuse_publish() if packet_id is not None else 0
        if code:
            heard.refused.add(packet.payload)
            self._broker.journal.note(f"refused 0x{code:02X} {packet.payload[:40]!r}")
        else:
            heard.accept(packet.payload)
        if packet_id is not None:
            reason = mqtt5.PubAckReasonCode(code)
            self._out.append(mqtt5.PubAckPacket(packet_id, reason_code=reason).write())

    # What leaves

    def pump(self) -> None:
        """Send from the queue what the client's Receive Maximum allows."""
        session, options = self.session, self._broker.options
        if session is None or not self.open or not session.subscriptions:
            return
        while session.queue and self._batch_open:
            message = session.queue[0]
            if message.qos == 0:
                session.queue.popleft()
                self._send(None, message, duplicate=False)
                continue
            if len(session.in_flight) >= self._receive_maximum:
                break
            session.queue.popleft()
            packet_id = session.next_packet_id()
            session.in_flight[packet_id] = message
            self._send(packet_id, message, duplicate=False)
        if options.lock_step and session.in_flight:
            self._batch_open = False

    def _send(self, packet_id: int | None, message: Message, *, duplicate: bool) -> None:
        if packet_id is not None:
            self.client.unacknowledged[packet_id] = message
        packet = mqtt5.PublishPacket(
            message.topic,
            message.payload,
            qos=mqtt5.QoS(message.qos),
            packet_id=packet_id,
            retain=message.retain,
            duplicate=duplicate,
            user_properties=message.properties,
        )
        self._out.append(packet.write())

    def flush(self) -> None:
        """Write what has gathered, unless the broker is stuck."""
        if not self._out or self._broker.stuck or not self.open:
            return
        out, self._out = self._out, []
        if self._broker.options.write_each:
            for piece in out:
                self._wire.send(piece)
        else:
            self._wire.send(b"".join(out))

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
        self.end(int(_TAKEN_OVER))
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
        self._broker.loop.call_later(self._keep_alive / 2, self._watch)
