"""What the simulated broker sends over one connection: what is queued, as far as it may."""

from typing import TYPE_CHECKING

import mqtt5

from tests.support.simulation.client_view import ClientView
from tests.support.simulation.sessions import BrokerSession, Message
from tests.support.simulation.wire import Wire

if TYPE_CHECKING:
    from tests.support.simulation.broker import Broker


class Delivery:
    """The sending half of a connection."""

    def __init__(self, broker: "Broker", wire: Wire) -> None:
        self.open = True
        self.session: BrokerSession | None = None
        self.client = ClientView(broker.journal, broker.options, broker.stored, broker.heard)
        self._broker = broker
        self._wire = wire
        self._receive_maximum = 0
        self._batch_open = True
        self._out: list[bytes] = []

    def pump(self) -> None:
        """Send from the queue what the client's Receive Maximum allows."""
        session, options = self.session, self._broker.options
        if session is None or not self.open:
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

    def _resend(self) -> None:
        session, options = self.session, self._broker.options
        assert session is not None
        if options.renumber:
            session.renumber()
        for packet_id, message in session.in_flight.items():
            self._send(packet_id, message, duplicate=not options.renumber)
        self.pump()
