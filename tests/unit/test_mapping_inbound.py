# ruff: noqa: D103 - the name of a test is its claim
"""From MQTT to Kafka: topic, key, value and headers of the record that a message becomes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mqtt5 import PublishPacket

from mqtt_kafka_bridge.contract.grammar import GrammarError
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.inbound import Converted, InboundRouter, Skipped
from mqtt_kafka_bridge.mapping.messages import InboundMessage
from tests.support.messages import mqtt_message, mqtt_to_kafka

TOPIC = "plant/a/d1/telemetry"
OWN = "local/plant/telemetry"


def router(mapping: MqttToKafka, *, loop_guard: bool = True) -> InboundRouter:
    """Return a mapping of the bridge `local/plant`, compiled."""
    return InboundRouter(mapping, identity="local/plant", loop_guard=loop_guard)


def convert(mapping: MqttToKafka, message: InboundMessage) -> Converted | Skipped:
    """Return what becomes of a message."""
    compiled = router(mapping)
    return compiled.convert(compiled.route(message.topic), message)


def converted(mapping: MqttToKafka, message: InboundMessage) -> Converted:
    """Return the record that a message becomes."""
    record = convert(mapping, message)
    assert isinstance(record, Converted)
    return record


def refusal(mapping: MqttToKafka, message: InboundMessage) -> RefusedError:
    """Return why a message is refused."""
    with pytest.raises(RefusedError) as refused:
        convert(mapping, message)
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
    route = router(mapping).route(TOPIC)
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
def test_a_route_is_not_plain_if_anything_depends_on_the_message(to: dict[str, object]) -> None:
    assert not router(mqtt_to_kafka(**to)).route(TOPIC).plain


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


def test_user_properties_become_headers_in_order_with_repeats() -> None:
    properties = [
        ("b", "1"),
        ("a", "ä"),
        ("b", "2"),
        ("traceparent", "00-1"),
        ("mqtt.topic", "fake"),
        ("kafka.x", "x"),
        ("deadletter.reason", "x"),
        ("bridge.mapping", "fake"),
    ]
    mapping = mqtt_to_kafka(headers={"line": "{line}"})
    record = converted(mapping, mqtt_message(user_properties=properties))
    assert record.headers == [
        ("mqtt.topic", TOPIC.encode()),
        ("b", b"1"),
        ("a", "ä".encode()),
        ("b", b"2"),
        ("traceparent", b"00-1"),
        ("user.mqtt.topic", b"fake"),
        ("user.kafka.x", b"x"),
        ("user.deadletter.reason", b"x"),
        ("user.bridge.mapping", b"fake"),
        ("bridge.mapping", b"telemetry"),
        ("bridge.path", OWN.encode()),
        ("line", b"a"),
    ]


def test_headers_of_the_mapping_come_last_in_its_order() -> None:
    headers = {"z": "{payload.n}", "a": "{line}", "mqtt.contentType": "{mqtt.contentType}"}
    mapping = mqtt_to_kafka(headers=headers)
    message = mqtt_message(b'{"n": 1.50}', content_type="application/json")
    assert converted(mapping, message).headers[3:] == [
        ("z", b"1.50"),
        ("a", b"a"),
        ("mqtt.contentType", b"application/json"),
    ]


def test_a_property_that_is_only_carried_over_may_be_missing() -> None:
    headers = {name: f"{{{name}}}" for name in ("mqtt.contentType", "mqtt.qos", "mqtt.expiry")}
    record = converted(mqtt_to_kafka(headers=headers), mqtt_message())
    assert record.headers[3:] == [("mqtt.qos", b"1")]


def test_one_message_does_not_change_what_the_next_one_gets() -> None:
    compiled = router(mqtt_to_kafka(headers={"x": "{mqtt.qos}"}))
    route = compiled.route(TOPIC)
    before = list(route.headers)
    for _ in range(2):
        compiled.convert(route, mqtt_message(user_properties=[("a", "b")]))
    assert route.headers == before


@pytest.mark.parametrize(
    ("policy", "becomes"),
    [("Empty", b""), ("Tombstone", None), ("Skip", Skipped("filtered", "emptyPayload"))],
)
def test_an_empty_payload_becomes_what_the_mapping_says(
    policy: str, becomes: bytes | Skipped | None
) -> None:
    result = convert(mqtt_to_kafka(emptyPayload=policy), mqtt_message(b""))
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
    result = convert(mapping, mqtt_message(retain=retain))
    assert (result.reason if isinstance(result, Skipped) else None) == skipped
    assert router(mapping).retained_matters is (policy != "Include")


def test_the_path_goes_on_behind_the_bridges_that_a_message_passed() -> None:
    properties = [("a", "1"), ("bridge.path", "x/y/z"), ("bridge.path", "u/v/w"), ("b", "2")]
    assert converted(mqtt_to_kafka(), mqtt_message(user_properties=properties)).headers == [
        ("mqtt.topic", TOPIC.encode()),
        ("a", b"1"),
        ("b", b"2"),
        ("bridge.mapping", b"telemetry"),
        ("bridge.path", f"x/y/z,u/v/w,{OWN}".encode()),
    ]


@pytest.mark.parametrize(
    "path", [OWN, f"x/y/z,{OWN}", ",".join(["x/y/z"] * 9), f"{'x' * 2000}/y/z"]
)
def test_a_message_that_comes_round_is_dropped(path: str) -> None:
    message = mqtt_message(user_properties=[("bridge.path", path)])
    assert convert(mqtt_to_kafka(), message) == Skipped("dropped", "loop")


def test_eight_bridges_may_be_passed() -> None:
    message = mqtt_message(user_properties=[("bridge.path", ",".join(["x/y/z"] * 8))])
    assert dict(converted(mqtt_to_kafka(), message).headers)["bridge.path"].endswith(OWN.encode())


def test_without_the_guard_nothing_is_dropped_and_no_path_is_added() -> None:
    compiled = router(mqtt_to_kafka(), loop_guard=False)
    message = mqtt_message(user_properties=[("bridge.path", OWN)])
    result = compiled.convert(compiled.route(TOPIC), message)
    assert isinstance(result, Converted)
    assert result.headers == [
        ("mqtt.topic", TOPIC.encode()),
        ("bridge.path", OWN.encode()),
        ("bridge.mapping", b"telemetry"),
    ]


def test_a_template_that_is_wrong_is_refused_at_construction() -> None:
    with pytest.raises(GrammarError):
        router(mqtt_to_kafka(key="{nope}"))


@settings(deadline=None)
@given(
    st.binary(),
    st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
                       st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))),
)  # fmt: skip
def test_every_payload_and_property_arrives_as_it_was(
    payload: bytes, properties: list[tuple[str, str]]
) -> None:
    message = PublishPacket(TOPIC, payload, user_properties=properties)
    record = convert(mqtt_to_kafka(), message)
    if isinstance(record, Skipped):
        assert record.reason == "loop"
        return
    assert record.value == payload
    kept = [(name.removeprefix("user."), value.decode()) for name, value in record.headers[1:-2]]
    assert kept == [(n.removeprefix("user."), v) for n, v in properties if n != "bridge.path"]
