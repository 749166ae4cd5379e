"""What the names in a template for an MQTT topic stand for, compiled to functions of a record."""

from collections.abc import Callable

from mqtt_kafka_bridge.contract.grammar import MQTT_STRING_BYTES, fits_mqtt
from mqtt_kafka_bridge.contract.templates import Parts, Reference, Source
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.messages import SourceRecord
from mqtt_kafka_bridge.mapping.payload import Payload


class Origin:
    """A record and where it stands; its payload is read when a template asks for it."""

    __slots__ = ("_payload", "partition", "record", "topic")

    def __init__(self, record: SourceRecord, topic: str, partition: int) -> None:
        self.record = record
        self.topic = topic
        self.partition = partition
        self._payload: Payload | None = None

    @property
    def payload(self) -> Payload:
        """The value, as JSON."""
        if self._payload is None:
            self._payload = Payload(self.record.value)
        return self._payload


Text = Callable[[Origin], str]


def compile_topic(parts: Parts) -> Text:
    """Compile a template for an MQTT topic.

    The function raises RefusedError: MissingValue, NotScalar, BadJson, BadText or BadTopicName.
    """
    values = [_value(part) for part in parts]
    dollar = isinstance(parts[0], str) and parts[0].startswith("$")

    def render(origin: Origin) -> str:
        topic = "".join([value(origin) for value in values])
        if topic[:1] == "$" and not dollar:
            raise _bad(f"{topic[:60]!r} begins with $, which a value must not bring about")
        if not topic:
            raise _bad("it is empty")
        if len(topic) > MQTT_STRING_BYTES or len(topic.encode()) > MQTT_STRING_BYTES:
            raise _bad("it is longer than 65535 bytes")
        return topic

    return render


def _decoded(data: bytes, reference: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RefusedError("BadText", f"{reference} is not UTF-8: {error}") from error


def _bad(what: str) -> RefusedError:
    return RefusedError("BadTopicName", f"the MQTT topic can't be used: {what}")


def _fit(text: str, reference: str) -> str:
    if "+" in text or "#" in text:
        raise _bad(f"{reference} is {text[:60]!r}, with a wildcard")
    if not fits_mqtt(text):
        raise _bad(f"{reference} is {text[:60]!r}, with a character that MQTT can't carry")
    return text


def _value(part: str | Reference) -> Text:
    if isinstance(part, str):
        return lambda _: part
    match part.source:
        case Source.KEY:
            return _key
        case Source.HEADER:
            return _header(part)
        case Source.KAFKA:
            return _place(part)
        case _:
            return _payload(part)


def _key(origin: Origin) -> str:
    key = origin.record.key
    if key is None:
        raise RefusedError("MissingValue", "the record has no key, which {key} needs")
    return _fit(_decoded(key, "{key}"), "{key}")


def _header(reference: Reference) -> Text:
    wanted = reference.name

    def value(origin: Origin) -> str:
        # The last of repeated headers counts, as in Kafka's own `lastHeader`.
        for name, data in reversed(origin.record.headers):
            if name == wanted and data is not None:
                return _fit(_decoded(data, reference.text), reference.text)
        raise RefusedError("MissingValue", f"the record has no {reference.text}")

    return value


def _place(reference: Reference) -> Text:
    match reference.name:
        case "topic":
            return lambda origin: origin.topic
        case "partition":
            return lambda origin: str(origin.partition)
        case _:
            return lambda origin: str(origin.record.offset)


def _payload(reference: Reference) -> Text:
    path = tuple(reference.name.split("."))

    def value(origin: Origin) -> str:
        text = _fit(origin.payload.text(path, reference.text), reference.text)
        if "/" in text:
            raise _bad(f"{reference.text} is {text[:60]!r}, and a payload must not add levels")
        return text

    return value
