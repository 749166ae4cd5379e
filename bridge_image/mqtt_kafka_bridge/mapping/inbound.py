"""From MQTT to Kafka: where a message goes and what it becomes there.

`route` answers what depends on the MQTT topic alone, for a cache; `convert` does the rest, for
each message that `Route.plain` does not already answer in full.
"""

from collections.abc import Collection
from typing import NamedTuple

from mqtt_kafka_bridge.contract.filters import Levels, parse_filter
from mqtt_kafka_bridge.contract.grammar import RESERVED_PREFIXES
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.templates import inbound_scope, parse_template
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.guard import BRIDGE_MAPPING, BRIDGE_PATH, LOOP, loops
from mqtt_kafka_bridge.mapping.inbound_values import (
    Compiled,
    Subject,
    compile_topic,
    compile_value,
    mqtt_property,
)
from mqtt_kafka_bridge.mapping.messages import (
    Converted,
    Header,
    InboundMessage,
    Skipped,
    UserProperty,
)
from mqtt_kafka_bridge.mapping.names import is_marker

__all__ = ["Converted", "InboundRouter", "Route", "Skipped", "header_name"]

_MARKER = Skipped("filtered", "marker")


class Route(NamedTuple):
    """What an MQTT topic alone decides; shared by its messages, so nobody changes it."""

    kafka_topic: str | None
    """None: it depends on the message."""
    key: bytes | None
    """None: it depends on the message."""
    headers: list[Header]
    """All headers of a message without user properties, if the route is plain."""
    plain: bool
    """Nothing depends on more than the topic: a message with a payload and without user
    properties is (kafka_topic, key, payload, headers), unless `retained_matters`."""
    topic: str
    levels: Levels
    skipped: Skipped | None = None
    """Why no message of this topic is forwarded."""


class _Header(NamedTuple):
    """A header that the mapping asks for."""

    name: str
    value: Compiled
    carries: str | None
    """The MQTT property that it carries over, if the message has it."""


class InboundRouter:
    """One mapping from MQTT to Kafka, compiled.

    Args:
        mapping: as configured.
        identity: `<namespace>/<name>` of the bridge.
        loop_guard: whether messages carry the path that they took.
        marker_prefix: client id prefix of the bridge, whose markers are not forwarded: they come if
            the filter matches them, and to sessions that are being replaced. Empty: there are none.
        own_topics: Kafka topics that no message may name: the bridge keeps them for itself.

    Raises:
        GrammarError: the filter or a template can't be read.
    """

    def __init__(
        self,
        mapping: MqttToKafka,
        *,
        identity: str,
        loop_guard: bool,
        marker_prefix: str = "",
        own_topics: Collection[str] = (),
    ) -> None:
        self.filter = parse_filter(mapping.from_.filter)
        scope = inbound_scope(self.filter.names)
        target = mapping.to
        self._own = f"{identity}/{mapping.name}"
        self._guarded = loop_guard
        self._marker_prefix = marker_prefix
        self._topic, self._topic_by_topic = compile_topic(
            parse_template(target.topic, scope), own_topics
        )
        self._key = compile_value(parse_template(target.key, scope))
        self._headers = [
            _Header(
                name,
                compile_value(parse_template(text, scope)),
                _carried(name, text),
            )
            for name, text in target.headers.items()
        ]
        self._headers_by_topic = all(header.value.by_topic for header in self._headers)
        self._behind: list[Header] = [(BRIDGE_MAPPING, mapping.name.encode())]
        if loop_guard:
            self._behind.append((BRIDGE_PATH, self._own.encode()))
        self._empty = target.empty_payload
        self._retained = mapping.from_.retained
        self.retained_matters = self._retained != "Include"
        """Whether messages must be looked at for their retain flag."""

    def route(self, mqtt_topic: str) -> Route:
        """Return what a topic alone decides; for a cache.

        Raises:
            RefusedError: BadTopicName, or UnexpectedTopic: the filter does not match it.
        """
        if self._marker_prefix and is_marker(self._marker_prefix, mqtt_topic):
            return Route(None, None, [], plain=False, topic=mqtt_topic, levels=(), skipped=_MARKER)
        levels = self.filter.match(mqtt_topic)
        if levels is None:
            raise RefusedError(
                "UnexpectedTopic",
                f"the topic {mqtt_topic[:100]!r} does not match the filter {self.filter.text!r}",
            )
        subject = Subject(mqtt_topic, levels)
        headers = [("mqtt.topic", mqtt_topic.encode()), *self._behind]
        if self._headers_by_topic:
            headers += [(name, value.render(subject)) for name, value, _ in self._headers]
        return Route(
            kafka_topic=self._topic(subject) if self._topic_by_topic else None,
            key=self._key.render(subject) if self._key.by_topic else None,
            headers=headers,
            plain=self._topic_by_topic and self._key.by_topic and self._headers_by_topic,
            topic=mqtt_topic,
            levels=levels,
        )

    def convert(self, route: Route, message: InboundMessage) -> Converted | Skipped:
        """Return the record that a message becomes, or why it becomes none.

        Raises:
            RefusedError: MissingValue, NotScalar, BadJson or BadTopicName.
        """
        if route.skipped is not None:
            return route.skipped
        value: bytes | None = message.payload
        if self.retained_matters and (self._retained == "Only") is not message.retain:
            return Skipped("filtered", "retained" if message.retain else "notRetained")
        if not value:
            if self._empty == "Skip":
                return Skipped("filtered", "emptyPayload")
            if self._empty == "Tombstone":
                value = None
        headers = route.headers
        properties = message.user_properties
        if properties:
            joined = self._with_properties(headers, properties)
            if joined is None:
                return Skipped("dropped", LOOP)
            headers = joined
        if route.plain:
            return Converted(route.kafka_topic or "", route.key or b"", value, headers)
        return self._computed(route, message, value, headers)

    def _with_properties(
        self, headers: list[Header], properties: list[UserProperty]
    ) -> list[Header] | None:
        """Put user properties behind the topic and continue the path; None if it is a loop."""
        joined = headers[:1]
        path: list[str] = []
        for name, text in properties:
            if not name.startswith(RESERVED_PREFIXES):
                joined.append((name, text.encode()))
            elif name == BRIDGE_PATH and self._guarded:
                path.append(text)
            else:
                joined.append((header_name(name), text.encode()))
        passed = ",".join(filter(None, path))
        if not passed:
            return joined + headers[1:]
        if loops(passed, self._own):
            return None
        mine = (BRIDGE_PATH, f"{passed},{self._own}".encode())
        return [*joined, headers[1], mine, *headers[3:]]

    def _computed(
        self, route: Route, message: InboundMessage, value: bytes | None, headers: list[Header]
    ) -> Converted:
        """Render what the topic alone did not decide."""
        subject = Subject(route.topic, route.levels, message)
        if not self._headers_by_topic:
            headers = headers.copy()
            for name, compiled, carries in self._headers:
                if carries is None:
                    headers.append((name, compiled.render(subject)))
                elif (carried := mqtt_property(carries, message)) is not None:
                    headers.append((name, carried))
        topic = self._topic(subject) if route.kafka_topic is None else route.kafka_topic
        key = self._key.render(subject) if route.key is None else route.key
        return Converted(topic, key, value, headers)


def _carried(name: str, template: str) -> str | None:
    """Return the MQTT property that a header of its own name carries over, if it is one."""
    word = name.removeprefix("mqtt.")
    return word if word != name and template == f"{{{name}}}" else None


def header_name(user_property: str) -> str:
    """Return the header that a user property becomes: its own name, unless that is ours."""
    if user_property.startswith(RESERVED_PREFIXES) and user_property != BRIDGE_PATH:
        return f"user.{user_property}"
    return user_property
