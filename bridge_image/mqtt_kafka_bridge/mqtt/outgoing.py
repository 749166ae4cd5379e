"""The sending half of a session: packet ids, the broker's Receive Maximum, what awaits PUBACK."""

from collections.abc import Sequence

import mqtt5

from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.alike import Alike
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Acknowledgement

_QOS = (mqtt5.QoS(0), mqtt5.QoS(1), mqtt5.QoS(2))
_SUCCESS = mqtt5.PubAckReasonCode.SUCCESS
_REFUSED = 0x80
_FRAMING = 5 + 2 + 2 + 4
"""Fixed header, topic length, packet id, property length: at most, in bytes."""
_LARGEST_PACKET = 268_435_460
"""What a Remaining Length of four bytes can say [MQTT5 1.5.5]."""
_PLAIN_PROPERTIES = 2048
"""Room for the user properties of messages that are alike: the path of this mapping alone."""


class Outgoing:
    """What was published on one connection; each message has a number of the caller's.

    `receive_maximum` and `maximum_packet_size` are the broker's, set from CONNACK.
    """

    def __init__(self) -> None:
        self.receive_maximum = 65535
        self.maximum_packet_size: int | None = None
        self._in_flight: dict[int, int] = {}
        self._packet_id = 0

    @property
    def window(self) -> int:
        """How many more QoS 1 messages the broker takes now [MQTT-3.3.4-7]."""
        return self.receive_maximum - len(self._in_flight)

    def oldest(self, default: int) -> int:
        """Return the number that has waited longest for its PUBACK, or `default` if none waits."""
        return next(iter(self._in_flight.values()), default)

    def numbers(self) -> set[int]:
        """Return the numbers of all messages that wait for their PUBACK."""
        return set(self._in_flight.values())

    def next_packet_id(self) -> int:
        """Return a packet id that nothing in flight uses [MQTT-2.2.1-3]."""
        packet_id = self._packet_id % 65535 + 1
        while packet_id in self._in_flight:
            packet_id = packet_id % 65535 + 1
        self._packet_id = packet_id
        return packet_id

    def publish(self, publication: Publication, number: int, qos: int) -> bytes:
        """Return one PUBLISH packet. The caller keeps to `window` and to `fits`."""
        packet_id = None
        if qos:
            packet_id = self.next_packet_id()
            self._in_flight[packet_id] = number
        return mqtt5.PublishPacket(
            publication.topic,
            publication.payload,
            qos=_QOS[qos],
            packet_id=packet_id,
            retain=publication.retain,
            message_expiry_interval=publication.expiry_seconds,
            user_properties=publication.user_properties,
            content_type=publication.content_type,
            response_topic=publication.response_topic,
            correlation_data=publication.correlation_data,
        ).write()

    def publish_alike(
        self, alike: Alike, pairs: Sequence[tuple[bytes, bytes]], first: int, qos: int
    ) -> bytes:
        """Return PUBLISH packets for (encoded topic, payload) pairs, numbered from `first` on.

        The caller keeps to `window`, and to packets that fit.
        """
        if not qos:
            return alike.unacknowledged(pairs)
        packet_ids = self._next_packet_ids(len(pairs))
        self._in_flight.update(zip(packet_ids, range(first, first + len(pairs)), strict=True))
        return alike.acknowledged(pairs, packet_ids)

    def _next_packet_ids(self, count: int) -> Sequence[int]:
        """Return packet ids that nothing in flight uses; nearly always those that follow."""
        start = self._packet_id % 65535 + 1
        following = range(start, start + count)
        if following[-1] <= 65535 and self._in_flight.keys().isdisjoint(following):  # noqa: PLR2004 - the largest id
            self._packet_id = following[-1]
            return following
        return [self.next_packet_id() for _ in range(count)]

    def acknowledged(self, pubacks: Sequence[mqtt5.PubAckPacket]) -> Acknowledged | int:
        """Take PUBACKs; return what they said, or the packet id that nothing in flight has."""
        take = self._in_flight.pop
        refused: list[Acknowledgement] = []
        for puback in pubacks:
            packet_id = puback.packet_id
            number = take(packet_id, None)
            if number is None:
                return packet_id
            # The codec's reason codes are no integers, whatever its stubs say; there is one object
            # of each, and to look at that is the quickest.
            code = puback.reason_code
            if code is not _SUCCESS and int(code) >= _REFUSED:
                refused.append(Acknowledgement(number, int(code)))
        return Acknowledged(len(pubacks), refused)

    @property
    def plain_room(self) -> int:
        """Longest payload, in bytes, that fits whatever the topic is; negative: look at each."""
        return self._largest - _FRAMING - 65535 - _PLAIN_PROPERTIES

    def fits(self, publication: Publication) -> bool:
        """Whether the packet stays within the broker's Maximum Packet Size [MQTT-3.1.2-24]."""
        properties = 5 if publication.expiry_seconds is not None else 0
        for key, value in publication.user_properties:
            properties += 5 + len(key.encode()) + len(value.encode())
        for text in (publication.content_type, publication.response_topic):
            properties += 3 + len(text.encode()) if text is not None else 0
        data = publication.correlation_data
        properties += 3 + len(data) if data is not None else 0
        size = 2 + len(publication.topic.encode()) + 2 + _length_bytes(properties) + properties
        size += len(publication.payload)
        return 1 + _length_bytes(size) + size <= self._largest

    @property
    def _largest(self) -> int:
        limit = self.maximum_packet_size
        return _LARGEST_PACKET if limit is None else limit


def _length_bytes(value: int) -> int:
    """Return how many bytes a Variable Byte Integer takes [MQTT5 1.5.5]."""
    return max(1, (value.bit_length() + 6) // 7)
