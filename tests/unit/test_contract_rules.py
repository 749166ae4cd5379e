"""What must hold between the values of a configuration."""

from typing import Any

import pytest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.rules import Draft, broken_rules, retained_risk

DEAD = "mqttkafka.local.plant.dead-letters"
SESSIONS = "mqttkafka.local.plant.sessions"


def inbound(name: str = "in", filter_: str = "plant/{line}/+", **to: object) -> dict[str, Any]:
    """Return a mapping from MQTT."""
    return {"name": name, "from": {"filter": filter_}, "to": {"topic": "plant.data"} | to}


def outbound(
    name: str = "out", topics: tuple[str, ...] = ("c",), topic: str = "a"
) -> dict[str, Any]:
    """Return a mapping from Kafka."""
    return {"name": name, "from": {"topics": topics}, "to": {"topic": topic}}


def said(
    to_kafka: list[dict[str, Any]], to_mqtt: list[dict[str, Any]] | None = None, **more: object
) -> list[str]:
    """Return what the rules say."""
    data = {
        "version": 1,
        "name": "plant",
        "mqtt": {"servers": ["mqtt://h"]},
        "kafka": {"bootstrapServers": ["h:9092"]},
        "mqttToKafka": to_kafka,
        "kafkaToMqtt": to_mqtt or [],
    }
    config = BridgeConfig.model_validate(data | more)
    return [f"{m.path}: {m.message}; {m.cure}" for m in broken_rules(Draft.of(config))]


def test_what_is_sound_passes() -> None:
    headers = {"line": "{line}", "mqtt.qos": "{mqtt.qos}", "user.x": "{user.x}"}
    assert said([inbound(key="{payload.id}", headers=headers)], [outbound(topic="a/{key}")]) == []


def test_a_name_may_stand_only_once_over_both_lists() -> None:
    found = said([inbound("x"), inbound("y"), inbound("x")], [outbound("y")])
    assert [one.split(",")[0] for one in found] == [
        "mqttToKafka[2].name: is 'x'",
        "kafkaToMqtt[0].name: is 'y'",
    ]
    assert "the name of mqttToKafka[0] too" in found[0]
    assert "the name of mqttToKafka[1] too" in found[1]


def test_a_filter_that_is_wrong_hides_no_mistake_in_the_templates() -> None:
    found = said([inbound(filter_="{line}/x{y}", topic="a.{line}", key="{nope}")])
    assert [one.split(":")[0] for one in found] == [
        "mqttToKafka[0].from.filter",
        "mqttToKafka[0].to.key",
    ]


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ({"topic": "a b"}, "to.topic: has fixed parts 'a b'"),
        ({"topic": "a/{line}"}, "to.topic: has fixed parts 'a/'"),
        ({"topic": "{{x"}, "to.topic: has fixed parts '{x'"),
        ({"topic": "."}, "to.topic: is no Kafka topic: '.'"),
        ({"topic": "a" * 250}, "to.topic: is no Kafka topic"),
        ({"topic": "{rest}"}, "to.topic: has the unknown name {rest}"),
        ({"key": "{header.x}"}, "to.key: has the unknown name {header.x}"),
        ({"key": "{key}"}, "to.key: has the unknown name {key}"),
        ({"headers": {"x": "{"}}, "to.headers.x: has a { that stands alone"),
        ({"headers": {"mqtt.x": "y"}}, "to.headers.mqtt.x: has a name that the bridge keeps"),
        ({"headers": {"mqtt.topic": "{mqtt.topic}"}}, "has a name that the bridge keeps"),
        ({"headers": {"kafka.qos": "y"}}, "has a name that the bridge keeps"),
        ({"headers": {"qos": "y"}}, None),
        ({"headers": {"bridge.path": "y"}}, "has a name that the bridge keeps"),
        ({"headers": {"deadletter.x": "y"}}, "has a name that the bridge keeps"),
        (
            {"headers": {"mqtt.qos": "1"}},
            "must carry the property it names, not '1'; write \"{mqtt",
        ),
        ({"topic": ".{line}"}, None),
    ],
)
def test_templates_for_kafka_are_checked(to: dict[str, Any], says: str | None) -> None:
    found = said([inbound(**to)])
    assert len(found) == (says is not None)
    assert says is None or says in found[0]


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        ("a/+", "has a wildcard"),
        ("a/#", "has a wildcard"),
        ("a/{}", "has the unknown name {}"),
        ("a/{...}", "has the unknown name {...}"),
        ("a/{mqtt.topic}", "has the unknown name {mqtt.topic}"),
        ("a/{user.x}", "has the unknown name {user.x}"),
        ("a\n", "has a control character"),
        ("$share/g/a", "begins with $share/"),
    ],
)
def test_templates_for_mqtt_are_checked(topic: str, says: str) -> None:
    found = said([], [outbound(topic=topic)])
    assert len(found) == 1
    assert found[0].startswith("kafkaToMqtt[0].to.topic: ")
    assert says in found[0]


def test_dead_letters_have_a_topic_of_their_own() -> None:
    found = said([inbound(topic=DEAD)], [outbound(topics=("c", DEAD))])
    assert [one.split(":")[0] for one in found] == [
        "mqttToKafka[0].to.topic",
        "kafkaToMqtt[0].from.topics",
    ]
    assert said([inbound(topic=DEAD)], deadLetter={"topic": "other"}) == []


def test_topics_that_are_not_known_are_no_mistake() -> None:
    assert broken_rules(Draft({}, {}, None, loop_guard=True)) == []


def test_nothing_else_uses_the_coordination_topic() -> None:
    found = said(
        [inbound(topic=SESSIONS)],
        [outbound(topics=("c", SESSIONS))],
        deadLetter={"topic": SESSIONS},
    )
    own = [one for one in found if "the coordination topic" in one]
    assert [one.split(" the coordination")[0] for one in own] == [
        "mqttToKafka[0].to.topic: is",
        "kafkaToMqtt[0].from.topics: has",
        "deadLetter.topic: is",
    ]


@pytest.mark.parametrize("coordination", [{"type": "None"}, {"topic": "other"}])
def test_a_topic_without_coordination_is_one_like_any_other(coordination: dict[str, Any]) -> None:
    kafka = {"bootstrapServers": ["h:9092"], "coordination": coordination}
    assert said([inbound(topic=SESSIONS)], kafka=kafka) == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, None),
        ({"sessions": 2}, "mqttToKafka[0].sessions: is 2, and with ordering PerKey there is one"),
        ({"ordering": "None", "sessions": 64}, None),
        ({"ordering": "None"}, None),
    ],
)
def test_only_without_order_there_are_more_sessions_than_one(
    more: dict[str, Any], says: str | None
) -> None:
    found = said([inbound() | more])
    assert [one.split(";")[0] for one in found] == ([] if says is None else [says])


@pytest.mark.parametrize(
    ("ordering", "retained", "wrong", "risky"),
    [
        ("PerKey", "Include", False, False),
        ("PerKey", "Only", False, False),
        ("None", "Skip", False, False),
        ("None", "Include", False, True),
        ("None", "Only", True, True),
    ],
)
def test_shared_sessions_get_no_retained_messages(
    ordering: str, retained: str, *, wrong: bool, risky: bool
) -> None:
    mapping = inbound() | {"ordering": ordering, "from": {"filter": "a", "retained": retained}}
    found = said([mapping])
    assert [one.split(": ")[0] for one in found] == ["mqttToKafka[0].from.retained"] * wrong
    risk = retained_risk(MqttToKafka.model_validate(mapping))
    assert (risk is not None) is risky
    assert risk is None or all(risk)


@pytest.mark.parametrize("ordering", ["PerKey", "None"])
def test_only_the_bridge_itself_shares_a_subscription(ordering: str) -> None:
    (found,) = said([inbound(filter_="$share/g/plant/#") | {"ordering": ordering}])
    assert found.startswith("mqttToKafka[0].from.filter: is a shared subscription; write")


@pytest.mark.parametrize(
    ("filter_", "topics", "topic", "guard", "loops"),
    [
        ("plant/#", ("plant.data",), "plant/{key}", False, True),
        ("plant/#", ("plant.data",), "plant/{key}", True, False),
        ("plant/#", ("other",), "plant/{key}", False, False),
        ("plant/#", ("plant.data",), "other/{key}", False, False),
        ("plant/#/x", ("plant.data",), "plant/{key}", False, False),
        ("plant/#", ("plant.data",), "plant/{nope}", False, False),
    ],
)
def test_without_the_guard_no_mapping_may_feed_itself(
    filter_: str, topics: tuple[str, ...], topic: str, *, guard: bool, loops: bool
) -> None:
    found = said(
        [inbound(filter_=filter_)], [outbound(topics=topics, topic=topic)], loopGuard=guard
    )
    assert any("go round for ever" in one for one in found) is loops
