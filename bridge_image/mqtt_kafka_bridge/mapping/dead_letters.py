"""The record that a message becomes which can't be forwarded: itself, and why.

Built for the dead-letter topic; nothing is left out unless the record would not fit there. Then
the value is cut first; its full size and SHA-256 stand in the headers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

from mqtt_kafka_bridge.contract.status import Direction
from mqtt_kafka_bridge.contract.templates import MQTT_WORDS
from mqtt_kafka_bridge.mapping.guard import BRIDGE_MAPPING, BRIDGE_PATH
from mqtt_kafka_bridge.mapping.inbound import header_name
from mqtt_kafka_bridge.mapping.inbound_values import mqtt_property
from mqtt_kafka_bridge.mapping.messages import InboundMessage, SourceHeader, SourceRecord
from mqtt_kafka_bridge.mapping.sizes import header_bytes, record_bytes

SMALLEST_BYTES = 4096
"""A topic must take records of this size, or a dead letter might not fit however it is cut."""
_NOTE_BYTES = 64
_LONGEST_BYTES = {"message": 1024, "topic": 512}
_LONGEST_OTHERS_BYTES = 256


class DeadLetter(NamedTuple):
    """A record for the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: list[SourceHeader]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message was refused, and by whom."""

    bridge: str
    """`<namespace>/<name>`."""
    mapping: str
    reason: str
    message: str
    at: datetime
    """With a time zone."""
    attempts: int = 1
    """How often it was tried."""


class _Place(NamedTuple):
    """Where the message came from."""

    direction: Direction
    topic: str
    partition: int | None = None
    offset: int | None = None


def from_mqtt(message: InboundMessage, refusal: Refusal, *, max_bytes: int) -> DeadLetter:
    """Return the dead letter of a message from MQTT, with all that it carried as headers.

    Args:
        message: as it arrived.
        refusal: why it was refused.
        max_bytes: the largest record that the dead-letter topic takes; at least SMALLEST_BYTES.
    """
    topic = message.topic.encode()
    headers: list[SourceHeader] = [("mqtt.topic", topic)]
    for word in MQTT_WORDS[1:]:
        value = mqtt_property(word, message)
        if value is not None:
            headers.append((f"mqtt.{word}", value))
    path = []
    for name, text in message.user_properties:
        if name == BRIDGE_PATH:
            path.append(text)
        else:
            headers.append((header_name(name), text.encode()))
    path.append(f"{refusal.bridge}/{refusal.mapping}")
    headers += [
        (BRIDGE_MAPPING, refusal.mapping.encode()),
        (BRIDGE_PATH, ",".join(path).encode()),
    ]
    place = _Place(Direction.MQTT_TO_KAFKA, message.topic)
    return _fitted(DeadLetter(topic, message.payload, headers), refusal, place, max_bytes)


def from_kafka(
    record: SourceRecord, topic: str, partition: int, refusal: Refusal, *, max_bytes: int
) -> DeadLetter:
    """Return the dead letter of a record from Kafka: key, value and headers as they were.

    Args:
        record: as it was read.
        topic: where it stands.
        partition: where it stands.
        refusal: why it was refused.
        max_bytes: the largest record that the dead-letter topic takes; at least SMALLEST_BYTES.
    """
    place = _Place(Direction.KAFKA_TO_MQTT, topic, partition, record.offset)
    letter = DeadLetter(record.key, record.value, list(record.headers))
    return _fitted(letter, refusal, place, max_bytes)


def _fitted(letter: DeadLetter, refusal: Refusal, place: _Place, max_bytes: int) -> DeadLetter:
    """Add why it was refused; cut value, then headers, then key to what the topic takes."""
    key, value, headers = letter
    ours = _reasons(value, refusal, place)
    if record_bytes(key, value, [*headers, *ours]) <= max_bytes:
        return DeadLetter(key, value, [*headers, *ours])
    room = max(0, max_bytes - _NOTE_BYTES - record_bytes(None, None, ours))
    if key is not None:
        key = key[:room]
        room -= len(key)
    kept = []
    for header in headers:
        size = header_bytes(header)
        if size <= room:
            kept.append(header)
            room -= size
    if len(kept) < len(headers):
        note = f"({len(headers) - len(kept)} headers left out) {refusal.message}"
        ours = _reasons(value, replace(refusal, message=note), place)
    return DeadLetter(key, value if value is None else value[:room], [*kept, *ours])


def _reasons(value: bytes | None, refusal: Refusal, place: _Place) -> Sequence[SourceHeader]:
    """Return the headers that say why, each of bounded length."""
    words = {
        "reason": refusal.reason,
        "message": refusal.message,
        "bridge": refusal.bridge,
        "mapping": refusal.mapping,
        "direction": place.direction.value,
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "attempts": refusal.attempts,
        "at": refusal.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "size": len(value or b""),
        "sha256": sha256(value or b"").hexdigest(),
    }
    return [
        (f"deadletter.{name}", _cut(str(word), _LONGEST_BYTES.get(name, _LONGEST_OTHERS_BYTES)))
        for name, word in words.items()
        if word is not None
    ]


def _cut(text: str, longest_bytes: int) -> bytes:
    """Return text as UTF-8 of bounded length, whole characters only."""
    data = text.encode(errors="backslashreplace")
    return (
        data
        if len(data) <= longest_bytes
        else data[:longest_bytes].decode(errors="ignore").encode()
    )
