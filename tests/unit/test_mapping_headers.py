"""Headers and user properties: what becomes of each, in both directions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mqtt5 import PublishPacket

from mqtt_kafka_bridge.mapping.inbound import Skipped
from mqtt_kafka_bridge.mapping.outbound import Publication
from tests.support.messages import Record, kafka_to_mqtt, mqtt_message, mqtt_to_kafka
from tests.support.routers import NOW_MS, converted, inbound, outbound, published, to_kafka

TOPIC = "plant/a/d1/telemetry"
OWN = "local/plant/telemetry"
PATH = ("bridge.path", "local/plant/commands")


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


def test_a_header_may_have_the_name_of_the_level_that_it_holds() -> None:
    mapping = mqtt_to_kafka(headers={"line": "{line}", "user.x": "{user.x}"})
    record = converted(mapping, mqtt_message(user_properties=[("x", "1")]))
    assert record.headers[-2:] == [("line", b"a"), ("user.x", b"1")]


def test_one_message_does_not_change_what_the_next_one_gets() -> None:
    compiled = inbound(mqtt_to_kafka(headers={"x": "{mqtt.qos}"}))
    route = compiled.route(TOPIC)
    before = list(route.headers)
    for _ in range(2):
        compiled.convert(route, mqtt_message(user_properties=[("a", "b")]))
    assert route.headers == before


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
    record = to_kafka(mqtt_to_kafka(), message)
    if isinstance(record, Skipped):
        assert record.reason == "loop"
        return
    assert record.value == payload
    kept = [(name.removeprefix("user."), value.decode()) for name, value in record.headers[1:-2]]
    assert kept == [(n.removeprefix("user."), v) for n, v in properties if n != "bridge.path"]


def test_headers_become_user_properties_in_order_with_repeats() -> None:
    headers = [
        ("b", b"1"),
        ("a", "ä".encode()),
        ("b", b"2"),
        ("traceparent", b"00-1"),
        ("mqtt.topic", b"x"),
        ("kafka.x", b"x"),
        ("deadletter.reason", b"x"),
        ("bridge.mapping", b"x"),
    ]
    compiled = outbound(kafka_to_mqtt())
    publication = compiled.convert(Record(headers=headers), "plant.commands", 3, NOW_MS)
    assert isinstance(publication, Publication)
    assert publication.user_properties == [
        ("b", "1"),
        ("a", "ä"),
        ("b", "2"),
        ("traceparent", "00-1"),
        PATH,
    ]
    assert compiled.headers_left_out == 0


def test_headers_that_name_mqtt_properties_become_these() -> None:
    headers = [
        ("mqtt.contentType", b"old"),
        ("mqtt.contentType", b"text/plain"),
        ("mqtt.responseTopic", b"r/t"),
        ("mqtt.correlationData", b"\xff"),
    ]
    publication = published(kafka_to_mqtt(), Record(headers=headers))
    assert publication.content_type == "text/plain"
    assert publication.response_topic == "r/t"
    assert publication.correlation_data == b"\xff"
    assert publication.user_properties == [PATH]


@pytest.mark.parametrize(
    "header",
    [
        ("x", b"\xff"),
        ("x", b"a\0"),
        ("x", b"a\nb"),
        ("x", None),
        ("x", b"x" * 65536),
        ("x\n", b""),
        ("x" * 65536, b""),
        ("mqtt.contentType", b"\xff"),
        ("mqtt.responseTopic", b"\xff"),
        ("mqtt.responseTopic", b"a/+"),
        ("mqtt.responseTopic", b"a/#"),
        ("mqtt.responseTopic", b""),
        ("mqtt.correlationData", None),
        ("mqtt.correlationData", b"x" * 65536),
        ("bridge.path", b"\xff"),
    ],
)
def test_a_header_that_mqtt_can_not_carry_is_left_out_and_counted(
    header: tuple[str, bytes | None],
) -> None:
    compiled = outbound(kafka_to_mqtt())
    publication = compiled.convert(Record(headers=[header]), "plant.commands", 3, NOW_MS)
    assert publication == Publication(
        "plant/key/command", b"value", retain=False, expiry_seconds=None, user_properties=[PATH]
    )
    assert compiled.headers_left_out == 1
