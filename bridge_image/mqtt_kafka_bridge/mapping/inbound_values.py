"""What the names in a template for Kafka stand for, and templates compiled to functions of that.

A compiled template is a function from a `Subject` to bytes, or to text for a Kafka topic; whether
it needs more than the MQTT topic is known beforehand, so that the rest is computed once a topic.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from mqtt_kafka_bridge.contract.filters import Levels
from mqtt_kafka_bridge.contract.templates import Parts, Reference, Source
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.kafka_topics import checked, escape_level, escape_levels
from mqtt_kafka_bridge.mapping.messages import InboundMessage
from mqtt_kafka_bridge.mapping.payload import Payload

_PROPERTIES: dict[str, Callable[[InboundMessage], bytes | None]] = {
    "qos": lambda m: b"%d" % int(m.qos),
    "retain": lambda m: b"true" if m.retain else b"false",
    "contentType": lambda m: m.content_type.encode() if m.content_type is not None else None,
    "responseTopic": lambda m: m.response_topic.encode() if m.response_topic is not None else None,
    "correlationData": lambda m: m.correlation_data,
    "expiry": lambda m: (
        b"%d" % m.message_expiry_interval if m.message_expiry_interval is not None else None
    ),
}


class Subject:
    """What one message offers to templates; its payload is read when a template asks for it."""

    __slots__ = ("_payload", "levels", "message", "topic")

    def __init__(self, topic: str, levels: Levels, message: InboundMessage | None = None) -> None:
        self.topic = topic
        self.levels = levels
        self.message = message
        self._payload: Payload | None = None

    @property
    def known(self) -> InboundMessage:
        """The message; templates that need no more than the topic never ask."""
        assert self.message is not None  # noqa: S101 - a template is asked too early: our bug
        return self.message

    @property
    def payload(self) -> Payload:
        """The payload, as JSON."""
        if self._payload is None:
            self._payload = Payload(self.known.payload)
        return self._payload


Value = Callable[[Subject], bytes]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template as a function of a message."""

    render: Value
    by_topic: bool
    """Whether the MQTT topic is all that it needs."""


def mqtt_property(word: str, message: InboundMessage) -> bytes | None:
    """Return what `{mqtt.<word>}` stands for, other than the topic; None if it is not there."""
    return _PROPERTIES[word](message)


def compile_value(parts: Parts) -> Compiled:
    """Compile a template for a key or a header."""
    values = [_value(part) for part in parts]
    by_topic = all(isinstance(part, str) or _needs_topic_only(part) for part in parts)
    if len(values) == 1:
        return Compiled(values[0], by_topic)
    return Compiled(lambda subject: b"".join([value(subject) for value in values]), by_topic)


def compile_topic(
    parts: Parts, own_topics: Collection[str] = ()
) -> tuple[Callable[[Subject], str], bool]:
    """Compile a template for a Kafka topic; return it and whether the MQTT topic is enough.

    Args:
        parts: of the template.
        own_topics: what the bridge keeps for itself: no message names them.
    """
    by_topic = all(isinstance(part, str) or _needs_topic_only(part) for part in parts)
    if all(isinstance(part, str) for part in parts):
        fixed = "".join(map(str, parts))
        return (lambda _: fixed), True
    pieces = [_piece(part) for part in parts]

    def render(subject: Subject) -> str:
        return checked("".join([piece(subject) for piece in pieces]), own_topics)

    return render, by_topic


def _needs_topic_only(reference: Reference) -> bool:
    return reference.source in {Source.LEVEL, Source.LEVELS} or reference.text == "{mqtt.topic}"


def _piece(part: str | Reference) -> Callable[[Subject], str]:
    if isinstance(part, str):
        return lambda _: part
    value = _value(part)
    if part.source is Source.LEVELS:
        index = part.index
        return lambda s: "" if s.levels[index] is None else escape_levels(value(s))
    if part.text == "{mqtt.topic}":
        return lambda s: escape_levels(value(s))
    return lambda s: escape_level(value(s))


def _value(part: str | Reference) -> Value:
    if isinstance(part, str):
        literal = part.encode()
        return lambda _: literal
    match part.source:
        case Source.LEVEL | Source.LEVELS:
            index = part.index
            return lambda s: (s.levels[index] or "").encode()
        case Source.MQTT:
            return _property(part)
        case Source.USER:
            return _user_property(part)
        case _:
            path = tuple(part.name.split("."))
            return lambda s: s.payload.text(path, part.text).encode()


def _property(reference: Reference) -> Value:
    if reference.name == "topic":
        return lambda s: s.topic.encode()
    find = _PROPERTIES[reference.name]

    def value(subject: Subject) -> bytes:
        found = find(subject.known)
        if found is None:
            raise RefusedError("MissingValue", f"the message has no {reference.text}")
        return found

    return value


def _user_property(reference: Reference) -> Value:
    wanted = reference.name

    def value(subject: Subject) -> bytes:
        # The last of repeated properties counts, as consumers read repeated headers in Kafka.
        for name, text in reversed(subject.known.user_properties):
            if name == wanted:
                return text.encode()
        raise RefusedError("MissingValue", f"the message has no {reference.text}")

    return value
