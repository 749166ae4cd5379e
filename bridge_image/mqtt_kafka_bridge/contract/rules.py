"""What must hold between the values of a configuration, beyond the shape of each.

The rules take a `Draft`, so that they can speak of what is sound while another part is not.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from mqtt_kafka_bridge.contract.base import KAFKA_TOPIC_CHARACTERS
from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.filters import TopicFilter, may_match, parse_filter
from mqtt_kafka_bridge.contract.grammar import (
    LEVEL_NAME,
    MANY,
    RESERVED_PREFIXES,
    GrammarError,
    fits_mqtt,
)
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt, MqttToKafka
from mqtt_kafka_bridge.contract.mistakes import Location, Mistake
from mqtt_kafka_bridge.contract.templates import (
    MQTT_WORDS,
    OUTBOUND_SCOPE,
    Scope,
    inbound_scope,
    parse_template,
)

INBOUND, OUTBOUND = "mqttToKafka", "kafkaToMqtt"
_LONGEST_TOPIC = 249
_LEVEL = re.compile(rf"(?:^|/)\{{({LEVEL_NAME.pattern}(?:{re.escape(MANY)})?)\}}")
_KAFKA_CURE = "Kafka takes letters, digits, '.', '_' and '-', 249 at most, and not '.' or '..'"


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a configuration that are sound, by their place in it."""

    inbound: Mapping[int, MqttToKafka]
    outbound: Mapping[int, KafkaToMqtt]
    dead_letter_topic: str | None
    """None: not known."""
    loop_guard: bool
    coordination_topic: str | None = None
    """None: not known, or there is none."""

    @classmethod
    def of(cls, config: BridgeConfig) -> "Draft":
        """Return a configuration that is sound as a whole."""
        shared = config.kafka.coordination.type == "Kafka"
        return cls(
            dict(enumerate(config.mqtt_to_kafka)),
            dict(enumerate(config.kafka_to_mqtt)),
            config.dead_letter_topic,
            config.loop_guard,
            config.coordination_topic if shared else None,
        )


def broken_rules(draft: Draft) -> list[Mistake]:
    """Return every mistake that the rules find."""
    mistakes = [*_repeated_names(draft)]
    for index, inbound in draft.inbound.items():
        mistakes += _inbound(index, inbound)
    for index, outbound in draft.outbound.items():
        mistakes += _outbound((OUTBOUND, index, "to", "topic"), outbound)
    return [*mistakes, *_dead_letter_loops(draft), *_coordination(draft), *_open_loops(draft)]


def retained_risk(mapping: MqttToKafka) -> tuple[str, str] | None:
    """Return what a mapping does not get although it seems to ask for it, and the cure.

    Brokers send no retained messages to shared subscriptions (MQTT 5, 4.8.2). That is no mistake,
    for what is published from then on comes, but a risk.
    """
    if mapping.ordering == "PerKey" or mapping.from_.retained == "Skip":
        return None
    return (
        (
            "messages that were retained before do not come: with ordering None the subscription "
            "is shared, and brokers send none to those"
        ),
        "set ordering to PerKey, or from.retained to Skip to do without them",
    )


def _repeated_names(draft: Draft) -> Iterator[Mistake]:
    first: dict[str, str] = {}
    places: list[tuple[str, Location]] = [
        *((mapping.name, (INBOUND, index)) for index, mapping in draft.inbound.items()),
        *((mapping.name, (OUTBOUND, index)) for index, mapping in draft.outbound.items()),
    ]
    for name, at in places:
        mistake = Mistake(
            (*at, "name"),
            f"is {name!r}, the name of {first.get(name)} too",
            "give each mapping a name of its own, over both lists",
        )
        if first.setdefault(name, mistake.path.removesuffix(".name")) + ".name" != mistake.path:
            yield mistake


def _inbound(index: int, mapping: MqttToKafka) -> Iterator[Mistake]:
    at: Location = (INBOUND, index)
    try:
        names = parse_filter(mapping.from_.filter).names
    except GrammarError as error:
        yield Mistake((*at, "from", "filter"), error.message, error.cure)
        names = tuple(_LEVEL.findall(mapping.from_.filter))
    scope = inbound_scope(names)
    yield from _sharing(at, mapping)

    target = mapping.to
    yield from _tried((*at, "to", "topic"), partial(_check_kafka_topic, target.topic, scope))
    yield from _tried((*at, "to", "key"), partial(parse_template, target.key, scope))
    for name, text in target.headers.items():
        place = (*at, "to", "headers", name)
        yield from _tried(place, partial(_check_header, name, text))
        yield from _tried(place, partial(parse_template, text, scope))


def _sharing(at: Location, mapping: MqttToKafka) -> Iterator[Mistake]:
    if mapping.ordering == "PerKey" and mapping.sessions > 1:
        yield Mistake(
            (*at, "sessions"),
            f"is {mapping.sessions}, and with ordering PerKey there is one",
            "write 1, or ordering: None if messages of a key may overtake each other",
        )
    if mapping.ordering == "None" and mapping.from_.retained == "Only":
        yield Mistake(
            (*at, "from", "retained"),
            "is 'Only', and with ordering None none come: brokers send no retained messages to "
            "shared subscriptions",
            "write ordering: PerKey, or retained: Skip",
        )


def _tried(at: Location, attempt: Callable[[], object]) -> Iterator[Mistake]:
    try:
        attempt()
    except GrammarError as error:
        yield Mistake(at, error.message, error.cure)


def _check_header(name: str, template: str) -> None:
    if not name.startswith(RESERVED_PREFIXES):
        return
    word = name.removeprefix("mqtt.")
    if word == "topic" or word not in MQTT_WORDS:
        carried = ", ".join(f"mqtt.{word}" for word in MQTT_WORDS[1:])
        raise GrammarError(
            "has a name that the bridge keeps for itself",
            f"begin it with none of {', '.join(RESERVED_PREFIXES)}; only these may be added, each "
            f'as mqtt.qos: "{{mqtt.qos}}": {carried}',
        )
    if template != f"{{{name}}}":
        raise GrammarError(
            f"must carry the property it names, not {template!r}", f'write "{{{name}}}"'
        )


def _check_kafka_topic(template: str, scope: Scope) -> None:
    parts = parse_template(template, scope)
    literal = "".join(part for part in parts if isinstance(part, str))
    if not re.fullmatch(KAFKA_TOPIC_CHARACTERS, literal):
        raise GrammarError(f"has fixed parts {literal!r} that no Kafka topic has", _KAFKA_CURE)
    if len(literal) > _LONGEST_TOPIC or (parts == (literal,) and literal in {".", ".."}):
        raise GrammarError(f"is no Kafka topic: {literal[:40]!r}", _KAFKA_CURE)


def _outbound(at: Location, mapping: KafkaToMqtt) -> Iterator[Mistake]:
    yield from _tried(at, partial(_check_mqtt_topic, mapping.to.topic))


def _check_mqtt_topic(template: str) -> None:
    parts = parse_template(template, OUTBOUND_SCOPE)
    literal = "".join(part for part in parts if isinstance(part, str))
    if "+" in literal or "#" in literal:
        raise GrammarError(
            "has a wildcard", "a message is published to one topic: use names, such as {key}"
        )
    if not fits_mqtt(literal):
        raise GrammarError(
            f"has a control character or one that is no character: {literal!r}",
            "brokers refuse such topics; remove it",
        )
    if literal.startswith("$share/"):
        raise GrammarError("begins with $share/", "nobody can publish there; name the topic alone")


def _dead_letter_loops(draft: Draft) -> Iterator[Mistake]:
    topic = draft.dead_letter_topic
    if topic is None:
        return
    cure = "choose another topic here, or set deadLetter.topic"
    for index, inbound in draft.inbound.items():
        if inbound.to.topic == topic:
            message = f"is the dead-letter topic {topic!r}, where only dead letters may be"
            yield Mistake((INBOUND, index, "to", "topic"), message, cure)
    for index, outbound in draft.outbound.items():
        if topic in outbound.from_.topics:
            message = f"has the dead-letter topic {topic!r}: what fails would come back for ever"
            yield Mistake((OUTBOUND, index, "from", "topics"), message, cure)


def _coordination(draft: Draft) -> Iterator[Mistake]:
    """Find other uses of the coordination topic."""
    topic = draft.coordination_topic
    if topic is None:
        return
    message = f"is the coordination topic {topic!r}, which says where sessions run, and only that"
    cure = "choose another topic here, or set kafka.coordination.topic"
    for index, inbound in draft.inbound.items():
        if inbound.to.topic == topic:
            yield Mistake((INBOUND, index, "to", "topic"), message, cure)
    for index, outbound in draft.outbound.items():
        if topic in outbound.from_.topics:
            has = "has" + message.removeprefix("is")
            yield Mistake((OUTBOUND, index, "from", "topics"), has, cure)
    if draft.dead_letter_topic == topic:
        yield Mistake(("deadLetter", "topic"), message, cure)


def _open_loops(draft: Draft) -> Iterator[Mistake]:
    """Find mappings that feed each other while nothing stops a message that goes round."""
    if draft.loop_guard:
        return
    for index, outbound in draft.outbound.items():
        for inbound in draft.inbound.values():
            if inbound.to.topic in outbound.from_.topics and _comes_back(inbound, outbound):
                yield Mistake(
                    (OUTBOUND, index, "from", "topics"),
                    f"has {inbound.to.topic!r}, which mapping {inbound.name!r} writes from what "
                    "this one publishes: messages would go round for ever",
                    "set loopGuard: true, or make filter and topics not meet",
                )


def _comes_back(inbound: MqttToKafka, outbound: KafkaToMqtt) -> bool:
    """Tell whether what one mapping publishes may match the other's filter."""
    try:
        subscribed: TopicFilter = parse_filter(inbound.from_.filter)
        published = parse_template(outbound.to.topic, OUTBOUND_SCOPE)
    except GrammarError:
        return False  # said already
    return may_match(subscribed, published)
