"""From MQTT to Kafka: topic, key, value and headers of the record that a message becomes."""

from typing import Any

import pytest

from mqtt_kafka_bridge.contract.grammar import GrammarError
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.inbound import Converted, InboundRouter, Skipped
from mqtt_kafka_bridge.mapping.messages import InboundMessage
from tests.support.messages import mqtt_message, mqtt_to_kafka
from tests.support.routers import converted, inbound, to_kafka

TOPIC = "plant/a/d1/telemetry"
OWN = "local/plant/telemetry"


def refusal(mapping: MqttToKafka, message: InboundMessage) -> RefusedError:
    """Return why a message is refused."""
    with pytest.raises(RefusedError) as refused:
        to_kafka(mapping, message)
    return refused.value


def test_the_default_key_is_the_topic_and_the_default_headers_say_where_it_came_from() -> None:
    assert converted(mqtt_to_kafka(), mqtt_message()) == Converted(
        "plant.telemetry",
        TOPIC.encode(),
        b"21.5",
        [
            ("mqtt.topic", TOPIC.encode()),
            ("bridge.mapping", b"telemetry"),
            ("bridge.path", OWN.encode()),
        ],
    )


def test_a_plain_route_is_the_whole_answer_for_a_plain_message() -> None:
    mapping = mqtt_to_kafka(topic="{line}", key="{device}", headers={"line": "{line}"})
    route = inbound(mapping).route(TOPIC)
    assert route.plain
    record = converted(mapping, mqtt_message())
    assert record == (route.kafka_topic, route.key, b"21.5", route.headers)


@pytest.mark.parametrize(
    "to",
    [
        {"topic": "{payload.id}"},
        {"key": "{user.id}"},
        {"headers": {"x": "{mqtt.qos}"}},
    ],
)
def test_a_route_is_not_plain_if_anything_depends_on_the_message(to: dict[str, Any]) -> None:
    assert not inbound(mqtt_to_kafka(**to)).route(TOPIC).plain


@pytest.mark.parametrize(
    ("subscribed", "template", "topic", "expected"),
    [
        ("plant/{line}/x", "p.{line}", "plant/a_b/x", "p.a_5Fb"),
        ("plant/{line}/x", "p.{line}", "plant//x", "p._"),
        ("plant/{rest...}", "p.{rest...}", "plant/a/b.c", "p.a.b_2Ec"),
        ("plant/{rest...}", "p.{rest...}", "plant/", "p._"),
        ("plant/{rest...}", "p.{rest...}", "plant", "p."),
        ("#", "{mqtt.topic}", "/a/ä", "_.a._C3_A4"),
        ("#", "x-{user.site}", "a", "x-eu_2F1"),
        ("#", "x-{payload.id}", "a", "x-a_2Fb"),
    ],
)
def test_values_are_escaped_into_kafka_topics(
    subscribed: str, template: str, topic: str, expected: str
) -> None:
    mapping = mqtt_to_kafka(subscribed=subscribed, topic=template)
    message = mqtt_message(b'{"id": "a/b"}', topic, user_properties=[("site", "eu/1")])
    assert converted(mapping, message).kafka_topic == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{device}", b"d1"),
        ("{line}-{device}", b"a-d1"),
        ("{{{line}}}", b"{a}"),
        ("fixed", b"fixed"),
        ("{mqtt.topic}", TOPIC.encode()),
        ("{mqtt.qos}{mqtt.retain}", b"1true"),
        ("{mqtt.contentType}|{mqtt.responseTopic}", b"text/plain|r/t"),
        ("{mqtt.correlationData}", b"\xff\x00"),
        ("{mqtt.expiry}", b"60"),
        ("{user.n}", b"2"),
        ("{payload.a.0}/{payload.b}", b"1.0/true"),
    ],
)
def test_a_key_is_made_of_what_the_message_says(template: str, expected: bytes) -> None:
    message = mqtt_message(
        b'{"a": [1.0], "b": true}',
        retain=True,
        content_type="text/plain",
        response_topic="r/t",
        correlation_data=b"\xff\x00",
        message_expiry_interval=60,
        user_properties=[("n", "1"), ("n", "2"), ("m", "3")],
    )
    assert converted(mqtt_to_kafka(key=template), message).key == expected


@pytest.mark.parametrize(
    "template",
    ["{mqtt.contentType}", "{mqtt.responseTopic}", "{mqtt.correlationData}", "{mqtt.expiry}",
     "{user.x}", "{payload.x}"],
)  # fmt: skip
def test_a_missing_value_is_refused(template: str) -> None:
    error = refusal(mqtt_to_kafka(key=template), mqtt_message(b"{}"))
    assert error.reason == "MissingValue"
    assert template in error.message


def test_a_payload_that_is_no_json_is_refused_only_where_a_template_reads_it() -> None:
    poison = mqtt_message(b"\xff\x00")
    assert refusal(mqtt_to_kafka(topic="{payload.x}"), poison).reason == "BadJson"
    assert converted(mqtt_to_kafka(), poison).value == b"\xff\x00"


@pytest.mark.parametrize("topic", ["plant", f"plant/{'a' * 250}"])
def test_a_kafka_topic_that_kafka_does_not_take_is_refused(topic: str) -> None:
    mapping = mqtt_to_kafka(subscribed="plant/{rest...}", topic="{rest...}")
    assert refusal(mapping, mqtt_message(topic=topic)).reason == "BadTopicName"


def test_a_topic_that_nobody_subscribed_to_is_refused() -> None:
    assert refusal(mqtt_to_kafka(), mqtt_message(topic="other")).reason == "UnexpectedTopic"


@pytest.mark.parametrize(
    ("policy", "becomes"),
    [("Empty", b""), ("Tombstone", None), ("Skip", Skipped("filtered", "emptyPayload"))],
)
def test_an_empty_payload_becomes_what_the_mapping_says(
    policy: str, becomes: bytes | Skipped | None
) -> None:
    result = to_kafka(mqtt_to_kafka(emptyPayload=policy), mqtt_message(b""))
    assert (result if isinstance(result, Skipped) else result.value) == becomes


@pytest.mark.parametrize(
    ("policy", "retain", "skipped"),
    [
        ("Include", True, None),
        ("Include", False, None),
        ("Skip", True, "retained"),
        ("Skip", False, None),
        ("Only", True, None),
        ("Only", False, "notRetained"),
    ],
)
def test_retained_messages_are_treated_as_the_mapping_says(
    policy: str, *, retain: bool, skipped: str | None
) -> None:
    mapping = mqtt_to_kafka(retained=policy)
    result = to_kafka(mapping, mqtt_message(retain=retain))
    assert (result.reason if isinstance(result, Skipped) else None) == skipped
    assert inbound(mapping).retained_matters is (policy != "Include")


def test_a_template_that_is_wrong_is_refused_at_construction() -> None:
    with pytest.raises(GrammarError):
        inbound(mqtt_to_kafka(key="{nope}"))


@pytest.mark.parametrize("subscribed", ["#", "{rest...}", "plant/#"])
@pytest.mark.parametrize("payload", [b"", b"x"])
def test_a_marker_of_our_own_is_never_forwarded(subscribed: str, payload: bytes) -> None:
    mapping = mqtt_to_kafka(subscribed=subscribed, retained="Only", key="{payload.x}")
    router = InboundRouter(
        mapping, identity="local/plant", loop_guard=True, marker_prefix="local.plant"
    )
    message = mqtt_message(
        payload, "mqttkafka/local.plant/marker/e8496ed8", user_properties=[("a", "b")]
    )
    route = router.route(message.topic)
    assert not route.plain
    assert router.convert(route, message) == Skipped("filtered", "marker")


@pytest.mark.parametrize("prefix", ["", "local.plant"])
@pytest.mark.parametrize("topic", ["mqttkafka/other/marker/x", "mqttkafka//marker/x"])
def test_what_is_no_marker_of_our_own_is_a_message_like_any_other(prefix: str, topic: str) -> None:
    mapping = mqtt_to_kafka(subscribed="#")
    router = InboundRouter(mapping, identity="local/plant", loop_guard=True, marker_prefix=prefix)
    message = mqtt_message(b"x", topic)
    assert isinstance(router.convert(router.route(topic), message), Converted)
