"""The loop guard: a message that comes round is dropped, in both directions."""

import pytest

from mqtt_kafka_bridge.mapping.inbound import Converted, Skipped
from mqtt_kafka_bridge.mapping.outbound import Publication
from tests.support.messages import Record, kafka_to_mqtt, mqtt_message, mqtt_to_kafka
from tests.support.routers import NOW_MS, converted, inbound, outbound, published, to_kafka, to_mqtt

TOPIC = "plant/a/d1/telemetry"
INBOUND = "local/plant/telemetry"
OUTBOUND = "local/plant/commands"


def test_the_path_goes_on_behind_the_bridges_that_a_message_passed() -> None:
    properties = [("a", "1"), ("bridge.path", "x/y/z"), ("bridge.path", "u/v/w"), ("b", "2")]
    assert converted(mqtt_to_kafka(), mqtt_message(user_properties=properties)).headers == [
        ("mqtt.topic", TOPIC.encode()),
        ("a", b"1"),
        ("b", b"2"),
        ("bridge.mapping", b"telemetry"),
        ("bridge.path", f"x/y/z,u/v/w,{INBOUND}".encode()),
    ]


def test_an_empty_path_is_none() -> None:
    record = converted(mqtt_to_kafka(), mqtt_message(user_properties=[("bridge.path", "")]))
    assert record.headers[-1] == ("bridge.path", INBOUND.encode())


@pytest.mark.parametrize(
    "path", [INBOUND, f"x/y/z,{INBOUND}", ",".join(["x/y/z"] * 9), f"{'x' * 2000}/y/z"]
)
def test_a_message_that_comes_round_is_dropped(path: str) -> None:
    message = mqtt_message(user_properties=[("bridge.path", path)])
    assert to_kafka(mqtt_to_kafka(), message) == Skipped("dropped", "loop")


def test_eight_bridges_may_be_passed() -> None:
    message = mqtt_message(user_properties=[("bridge.path", ",".join(["x/y/z"] * 8))])
    assert dict(converted(mqtt_to_kafka(), message).headers)["bridge.path"].endswith(
        INBOUND.encode()
    )


def test_without_the_guard_no_message_is_dropped_and_no_path_is_added() -> None:
    compiled = inbound(mqtt_to_kafka(), loop_guard=False)
    message = mqtt_message(user_properties=[("bridge.path", INBOUND)])
    result = compiled.convert(compiled.route(TOPIC), message)
    assert isinstance(result, Converted)
    assert result.headers == [
        ("mqtt.topic", TOPIC.encode()),
        ("bridge.path", INBOUND.encode()),
        ("bridge.mapping", b"telemetry"),
    ]


def test_the_path_goes_on_behind_the_bridges_that_a_record_passed() -> None:
    headers = [("bridge.path", b"x/y/z"), ("a", b"1"), ("bridge.path", b"u/v/w")]
    publication = published(kafka_to_mqtt(), Record(headers=headers))
    assert publication.user_properties == [("a", "1"), ("bridge.path", f"x/y/z,u/v/w,{OUTBOUND}")]


@pytest.mark.parametrize("path", [OUTBOUND, f"x/y/z,{OUTBOUND}", ",".join(["x/y/z"] * 9)])
def test_a_record_that_comes_round_is_dropped(path: str) -> None:
    record = Record(headers=[("bridge.path", path.encode())])
    assert to_mqtt(kafka_to_mqtt(), record) == Skipped("dropped", "loop")


def test_without_the_guard_no_record_is_dropped_and_no_path_is_added() -> None:
    compiled = outbound(kafka_to_mqtt(), loop_guard=False)
    assert compiled.user_properties == []
    record = Record(headers=[("bridge.path", OUTBOUND.encode())])
    publication = compiled.convert(record, "plant.commands", 3, NOW_MS)
    assert isinstance(publication, Publication)
    assert publication.user_properties == [("bridge.path", OUTBOUND)]
