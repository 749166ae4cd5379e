"""A connection as its client sees it: what it writes is judged at the moment when it writes it."""

import mqtt5

from tests.support.simulation.fates import Heard, Stored
from tests.support.simulation.journal import Journal
from tests.support.simulation.packets import Packets
from tests.support.simulation.sessions import MARKERS, BrokerOptions, Message

_REFUSED = 0x80


class ClientView:
    """What one client has written and read on one connection.

    Args:
        journal: where broken promises are written down.
        options: what the broker allows.
        stored: what Kafka has stored.
        heard: what the broker has acknowledged, as the client knows.
    """

    def __init__(
        self, journal: Journal, options: BrokerOptions, stored: Stored, heard: Heard
    ) -> None:
        self.used = False
        """Whether the client acknowledged or published anything."""
        self.published: set[bytes] = set()
        """What the client published here."""
        self.unacknowledged: dict[int, Message] = {}
        """What was sent to the client and it has not written the PUBACK of, in order."""
        self._unanswered: dict[int, bytes] = {}
        """What the client published and has not read the PUBACK of: packet id to payload."""
        self._journal = journal
        self._options = options
        self._stored = stored
        self._heard = heard
        self._written, self._delivered = Packets(), Packets()

    def written(self, data: bytes) -> list[str]:
        """Judge what the client writes; return the client ids of CONNECTs in it."""
        client_ids = []
        for packet in self._written.feed(data):
            if isinstance(packet, mqtt5.ConnectPacket):
                client_ids.append(packet.client_id)
            elif isinstance(packet, mqtt5.PubAckPacket):
                self._check_puback(packet.packet_id)
            elif isinstance(packet, mqtt5.PublishPacket):
                self._check_publish(packet)
        return client_ids

    def _check_puback(self, packet_id: int) -> None:
        self.used = True
        oldest = next(iter(self.unacknowledged), None)
        message = self.unacknowledged.pop(packet_id, None)
        if message is None:
            self._journal.wrong("wire", f"PUBACK {packet_id}, which is not in flight")
            return
        if packet_id != oldest:
            self._journal.wrong("wire", f"PUBACK {packet_id} before {oldest} [MQTT-4.6.0-2]")
        if not self._stored.has(message.payload, message.fate):
            self._journal.wrong("W", f"PUBACK for {message.payload[:40]!r} before Kafka has it")

    def _check_publish(self, packet: mqtt5.PublishPacket) -> None:
        packet_id = packet.packet_id
        if not packet.topic.startswith(MARKERS):
            self.used = True
            self.published.add(packet.payload)
        size, limit = len(packet.write()), self._options.maximum_packet_size
        if limit is not None and size > limit:
            self._journal.wrong("wire", f"a packet of {size} bytes, the limit is {limit}")
        if packet_id is None:
            self._heard.acknowledged.add(packet.payload)
            return
        if packet_id in self._unanswered:
            self._journal.wrong("wire", f"packet id {packet_id} is in flight already")
        self._unanswered[packet_id] = packet.payload
        if len(self._unanswered) > self._options.receive_maximum:
            self._journal.wrong("wire", f"{len(self._unanswered)} > Receive Maximum")

    def delivered(self, data: bytes) -> None:
        """Note what the client has read."""
        for packet in self._delivered.feed(data):
            if isinstance(packet, mqtt5.PubAckPacket):
                payload = self._unanswered.pop(packet.packet_id, b"")
                if int(packet.reason_code) < _REFUSED:
                    self._heard.acknowledged.add(payload)
