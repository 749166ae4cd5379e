"""PUBLISH packets alike in all but topic, payload and packet id: the way out at full speed.

The codec makes each packet from nothing. Here what packets share is encoded once: the properties,
the topic of a key, the head of a length. A test holds every packet against the codec's.
"""

import struct
from collections.abc import Iterable

_PUBLISH = 0x30
_RETAIN = 0x01
_USER_PROPERTY = 0x26
_PACKET_IDS = [struct.pack(">H", packet_id) for packet_id in range(65536)]
_HEADS = 65_536
"""Most lengths whose head is remembered."""


def variable_byte_integer(value: int) -> bytes:
    """Encode a length [MQTT5 1.5.5]."""
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def utf8_string(text: str) -> bytes:
    """Encode a string [MQTT5 1.5.4]."""
    data = text.encode()
    return struct.pack(">H", len(data)) + data


class Alike:
    """What packets have in common.

    Args:
        qos: 0 or 1.
        retain: the retain flag.
        user_properties: the same for all.
    """

    def __init__(
        self, qos: int, user_properties: Iterable[tuple[str, str]], *, retain: bool
    ) -> None:
        properties = b"".join(
            bytes([_USER_PROPERTY]) + utf8_string(name) + utf8_string(value)
            for name, value in user_properties
        )
        self._first = _PUBLISH | qos << 1 | (_RETAIN if retain else 0)
        self._properties = variable_byte_integer(len(properties)) + properties
        self._fixed_bytes = len(self._properties) + (2 if qos else 0)
        self._heads: dict[int, bytes] = {}

    def acknowledged(
        self, pairs: Iterable[tuple[bytes, bytes]], packet_ids: Iterable[int]
    ) -> bytes:
        """Return QoS 1 packets for (encoded topic, payload) pairs, each with a packet id."""
        heads, fixed, properties, ids = (
            self._heads, self._fixed_bytes, self._properties, _PACKET_IDS,
        )  # fmt: skip
        out: list[bytes] = []
        for (topic, payload), packet_id in zip(pairs, packet_ids, strict=True):
            remaining = len(topic) + fixed + len(payload)
            head = heads.get(remaining)
            if head is None:
                head = self._head(remaining)
            out += (head, topic, ids[packet_id], properties, payload)
        return b"".join(out)

    def unacknowledged(self, pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return QoS 0 packets for (encoded topic, payload) pairs."""
        out: list[bytes] = []
        for topic, payload in pairs:
            remaining = len(topic) + self._fixed_bytes + len(payload)
            head = self._heads.get(remaining) or self._head(remaining)
            out += (head, topic, self._properties, payload)
        return b"".join(out)

    def _head(self, remaining: int) -> bytes:
        if len(self._heads) >= _HEADS:
            self._heads.clear()
        head = self._heads[remaining] = bytes([self._first]) + variable_byte_integer(remaining)
        return head
