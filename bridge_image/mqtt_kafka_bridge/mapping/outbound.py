"""From Kafka to MQTT: where a record goes and what it becomes there.

Where `by_key` holds, a record without headers needs only `topic_for_key`, for a cache; `convert`
does everything else.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mqtt_kafka_bridge.contract.grammar import MQTT_STRING_BYTES, RESERVED_PREFIXES, fits_mqtt
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.contract.templates import OUTBOUND_SCOPE, Source, parse_template
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.guard import BRIDGE_PATH, LOOP, loops
from mqtt_kafka_bridge.mapping.messages import (
    Publication,
    Skipped,
    SourceHeader,
    SourceRecord,
    UserProperty,
)
from mqtt_kafka_bridge.mapping.outbound_values import Origin, compile_topic

__all__ = ["OutboundRouter", "Publication", "Skipped"]

_LONGEST_NAME = MQTT_STRING_BYTES // 4
"""Characters in the name of a header; as many fit into an MQTT string whatever they are."""
_RETAIN = {b"true": True, b"false": False}


class _KeyOnly(NamedTuple):
    """A record of which only the key matters."""

    key: bytes | None
    value: bytes | None = None
    headers: Sequence[SourceHeader] = ()
    offset: int = 0
    timestamp: int = 0


class _Named(NamedTuple):
    """What the headers of a record become."""

    user_properties: list[UserProperty]
    content_type: str | None
    response_topic: str | None
    correlation_data: bytes | None


class OutboundRouter:
    """One mapping from Kafka to MQTT, compiled.

    Args:
        mapping: as configured.
        identity: `<namespace>/<name>` of the bridge.
        loop_guard: whether messages carry the path that they took.

    Raises:
        GrammarError: the template can't be read.
    """

    def __init__(self, mapping: KafkaToMqtt, *, identity: str, loop_guard: bool) -> None:
        target = mapping.to
        parts = parse_template(target.topic, OUTBOUND_SCOPE)
        self._topic = compile_topic(parts)
        self._own = f"{identity}/{mapping.name}"
        self._guarded = loop_guard
        self._retain_from_header = target.retain == "FromHeader"
        self._expiry_ms = (
            None if target.expiry is None else round(target.expiry.total_seconds() * 1e3)
        )
        self._skip_tombstones = target.tombstone == "Skip"
        self.retain = target.retain == "Always"
        """The retain flag, unless headers decide it."""
        self.by_key = (
            all(isinstance(part, str) or part.source is Source.KEY for part in parts)
            and not self._retain_from_header
            and self._expiry_ms is None
        )
        """Whether a record with a value and without headers is just (topic of its key, value,
        `retain`, `user_properties`)."""
        self.user_properties: list[UserProperty] = [(BRIDGE_PATH, self._own)] if loop_guard else []
        """Those of a record without headers; shared, so nobody changes it."""
        self.headers_left_out = 0
        """Headers so far whose value MQTT can't carry."""

    def topic_for_key(self, key: bytes | None) -> str:
        """Return the MQTT topic for a key, where `by_key` holds; for a cache.

        Raises:
            RefusedError: MissingValue, BadText or BadTopicName.
        """
        return self._topic(Origin(_KeyOnly(key), "", 0))

    def convert(
        self, record: SourceRecord, kafka_topic: str, partition: int, now_ms: int
    ) -> Publication | Skipped:
        """Return what a record becomes, or why it becomes nothing.

        Args:
            record: as read.
            kafka_topic: where it stands.
            partition: where it stands.
            now_ms: the wall clock, as record timestamps count.

        Raises:
            RefusedError: MissingValue, NotScalar, BadJson, BadText, BadTopicName or BadRetain.
        """
        if record.value is None and self._skip_tombstones:
            return Skipped("filtered", "tombstone")
        expiry_seconds = self._seconds_left(record.timestamp, now_ms)
        if expiry_seconds == 0:
            return Skipped("expired", "expiry")
        headers = record.headers
        path = self._path(headers) if headers else ""
        if path and loops(path, self._own):
            return Skipped("dropped", LOOP)
        topic = self._topic(Origin(record, kafka_topic, partition))
        payload = record.value or b""
        retain = _retain(headers) if self._retain_from_header else self.retain
        if not headers:
            return Publication(topic, payload, retain, expiry_seconds, self.user_properties)
        named = self._named(headers, path)
        return Publication(topic, payload, retain, expiry_seconds, *named)

    def _seconds_left(self, timestamp: int, now_ms: int) -> int | None:
        """Return the expiry that is left, in whole seconds, 0 when it is past.

        A timestamp in the future, or none (-1), counts as now.
        """
        if self._expiry_ms is None:
            return None
        age_ms = max(0, now_ms - timestamp) if timestamp >= 0 else 0
        return max(0, -((age_ms - self._expiry_ms) // 1000))

    def _path(self, headers: Sequence[SourceHeader]) -> str:
        if not self._guarded:
            return ""
        values = [data for name, data in headers if name == BRIDGE_PATH and data is not None]
        return self._text(b",".join(values)) or "" if values else ""

    def _named(self, headers: Sequence[SourceHeader], path: str) -> _Named:
        """Return what headers become: user properties, and the MQTT properties they name."""
        user: list[UserProperty] = []
        content_type = response_topic = correlation_data = None
        for name, data in headers:
            if name == "mqtt.contentType":
                content_type = self._text(data)
            elif name == "mqtt.responseTopic":
                response_topic = self._response_topic(data)
            elif name == "mqtt.correlationData":
                correlation_data = self._correlation_data(data)
            elif (name == BRIDGE_PATH and not self._guarded) or not name.startswith(
                RESERVED_PREFIXES
            ):
                text = self._text(data)
                if text is None:
                    continue
                if fits_mqtt(name) and len(name) <= _LONGEST_NAME:
                    user.append((name, text))
                else:
                    self.headers_left_out += 1
        if self._guarded:
            user.append((BRIDGE_PATH, f"{path},{self._own}" if path else self._own))
        return _Named(user, content_type, response_topic, correlation_data)

    def _text(self, data: bytes | None) -> str | None:
        """Return a header's value if MQTT can carry it; else count it."""
        text = mqtt_text(data)
        if text is None:
            self.headers_left_out += 1
        return text

    def _response_topic(self, data: bytes | None) -> str | None:
        """Return a response topic, which is a topic without wildcards [MQTT-3.3.2-14]."""
        text = self._text(data)
        if text is not None and (not text or "+" in text or "#" in text):
            self.headers_left_out += 1
            return None
        return text

    def _correlation_data(self, data: bytes | None) -> bytes | None:
        if data is None or len(data) > MQTT_STRING_BYTES:
            self.headers_left_out += 1
            return None
        return data


def mqtt_text(data: bytes | None) -> str | None:
    """Return bytes as an MQTT string; None if MQTT can't carry them."""
    if data is None or len(data) > MQTT_STRING_BYTES:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if fits_mqtt(text) else None


def _retain(headers: Sequence[SourceHeader]) -> bool:
    """Return what the header `mqtt.retain` says; the last of several counts."""
    for name, data in reversed(headers):
        if name == "mqtt.retain":
            if data in _RETAIN:
                return _RETAIN[data]
            raise RefusedError(
                "BadRetain", f"the header mqtt.retain is {data!r}, not true or false"
            )
    raise RefusedError("BadRetain", "the record has no header mqtt.retain with true or false")
