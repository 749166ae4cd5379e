"""Dead letters: the whole message, why it was refused, and a size that always fits."""

from datetime import UTC, datetime
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.mapping.dead_letters import (
    SMALLEST_BYTES,
    Refusal,
    from_kafka,
    from_mqtt,
)
from mqtt_kafka_bridge.mapping.sizes import record_bytes
from tests.support.messages import Record, mqtt_message

AT = datetime(2025, 1, 2, 3, 4, 5, 678_000, UTC)
REFUSAL = Refusal("local/plant", "telemetry", "BadJson", "the payload is no JSON", AT, attempts=2)
LARGE = 1_048_576


def test_a_message_keeps_everything_it_carried() -> None:
    message = mqtt_message(
        b"poison",
        retain=True,
        content_type="text/plain",
        response_topic="r/t",
        correlation_data=b"\xff",
        message_expiry_interval=60,
        user_properties=[("a", "1"), ("bridge.path", "x/y/z"), ("mqtt.qos", "9"), ("a", "2")],
    )
    letter = from_mqtt(message, REFUSAL, max_bytes=LARGE)
    assert (letter.key, letter.value) == (b"plant/a/d1/telemetry", b"poison")
    assert letter.headers == [
        ("mqtt.topic", b"plant/a/d1/telemetry"),
        ("mqtt.qos", b"1"),
        ("mqtt.retain", b"true"),
        ("mqtt.contentType", b"text/plain"),
        ("mqtt.responseTopic", b"r/t"),
        ("mqtt.correlationData", b"\xff"),
        ("mqtt.expiry", b"60"),
        ("a", b"1"),
        ("user.mqtt.qos", b"9"),
        ("a", b"2"),
        ("bridge.mapping", b"telemetry"),
        ("bridge.path", b"x/y/z,local/plant/telemetry"),
        ("deadletter.reason", b"BadJson"),
        ("deadletter.message", b"the payload is no JSON"),
        ("deadletter.bridge", b"local/plant"),
        ("deadletter.mapping", b"telemetry"),
        ("deadletter.direction", b"MqttToKafka"),
        ("deadletter.topic", b"plant/a/d1/telemetry"),
        ("deadletter.attempts", b"2"),
        ("deadletter.at", b"2025-01-02T03:04:05.678+00:00"),
        ("deadletter.size", b"6"),
        ("deadletter.sha256", sha256(b"poison").hexdigest().encode()),
    ]


def test_a_record_keeps_key_value_and_headers_as_they_were() -> None:
    headers = [("a", b"\xff"), ("a", None), ("mqtt.topic", b"x")]
    letter = from_kafka(Record(b"k", b"v", headers), "in", 3, REFUSAL, max_bytes=LARGE)
    assert (letter.key, letter.value, letter.headers[:3]) == (b"k", b"v", headers)
    said = dict(letter.headers[3:])
    assert said["deadletter.direction"] == b"KafkaToMqtt"
    assert said["deadletter.topic"] == b"in"
    assert said["deadletter.partition"] == b"3"
    assert said["deadletter.offset"] == b"7"


def test_a_tombstone_stays_one() -> None:
    letter = from_kafka(Record(None, None), "in", 3, REFUSAL, max_bytes=LARGE)
    assert (letter.key, letter.value) == (None, None)
    assert dict(letter.headers)["deadletter.size"] == b"0"
    cut = from_kafka(
        Record(None, None, [("a", b"x" * 9000)]), "in", 3, REFUSAL, max_bytes=SMALLEST_BYTES
    )
    assert (cut.key, cut.value) == (None, None)


def test_a_value_that_is_too_large_is_cut_and_its_size_and_hash_are_those_of_the_whole() -> None:
    payload = bytes(range(256)) * 100
    letter = from_mqtt(mqtt_message(payload), REFUSAL, max_bytes=10_000)
    assert letter.value is not None
    assert payload.startswith(letter.value)
    assert 9000 < record_bytes(*letter) <= 10_000
    said = dict(letter.headers)
    assert said["deadletter.size"] == b"25600"
    assert said["deadletter.sha256"] == sha256(payload).hexdigest().encode()
    assert said["mqtt.topic"] == b"plant/a/d1/telemetry"


def test_headers_that_do_not_fit_are_left_out_and_it_is_said() -> None:
    properties = [("large", "x" * 5000), ("small", "y")]
    letter = from_mqtt(mqtt_message(user_properties=properties), REFUSAL, max_bytes=SMALLEST_BYTES)
    said = dict(letter.headers)
    assert "large" not in said
    assert said["small"] == b"y"
    assert said["deadletter.message"] == b"(1 headers left out) the payload is no JSON"


@settings(deadline=None)
@given(
    st.sampled_from([0, 10, 300, 5000, 60_000]),
    st.sampled_from([0, 10, 300, 5000, 60_000]),
    st.lists(st.sampled_from([0, 10, 300, 5000]), max_size=20),
    st.sampled_from([0, 300, 5000]),
    st.integers(SMALLEST_BYTES, 70_000),
)
def test_a_dead_letter_always_fits(
    key: int, value: int, headers: list[int], message: int, max_bytes: int
) -> None:
    record = Record(b"k" * key, b"v" * value, [("h" * size, b"x" * size) for size in headers])
    refusal = Refusal("b" * 127, "m" * 63, "R" * message, "\ud800ä" * message, AT)
    letter = from_kafka(record, "t" * 249, 10**6, refusal, max_bytes=max_bytes)
    assert record_bytes(*letter) <= max_bytes
    whole = record_bytes(record.key, record.value, [*record.headers, *letter.headers[-12:]])
    if whole <= max_bytes:
        assert (letter.key, letter.value) == (record.key, record.value)
        assert letter.headers[: len(headers)] == record.headers


@settings(deadline=None)
@given(st.integers(1, 60_000), st.integers(0, 60_000))
def test_a_dead_letter_of_a_long_topic_fits_too(topic: int, payload: int) -> None:
    message = mqtt_message(b"p" * payload, "ä" * (topic // 2 + 1))
    letter = from_mqtt(message, REFUSAL, max_bytes=SMALLEST_BYTES)
    assert record_bytes(*letter) <= SMALLEST_BYTES
