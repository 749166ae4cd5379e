"""From Kafka to MQTT: topic, payload and properties of the message that a record becomes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.contract.grammar import GrammarError
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.outbound import Publication, Skipped
from tests.support.messages import Record, kafka_to_mqtt
from tests.support.routers import NOW_MS, outbound, published, to_mqtt

OWN = "local/plant/commands"
PATH = ("bridge.path", OWN)


def refusal(mapping: KafkaToMqtt, record: Record) -> RefusedError:
    """Return why a record is refused."""
    with pytest.raises(RefusedError) as refused:
        to_mqtt(mapping, record)
    return refused.value


def test_a_record_becomes_a_message_under_its_key() -> None:
    expected = Publication("plant/d1/command", b"on", retain=False, expiry_seconds=None,
                           user_properties=[PATH])  # fmt: skip
    assert published(kafka_to_mqtt(), Record(b"d1", b"on")) == expected


def test_where_the_key_decides_all_the_short_way_gives_the_same() -> None:
    compiled = outbound(kafka_to_mqtt(retain="Always"))
    assert compiled.by_key
    expected = compiled.convert(Record(b"d1", b"on"), "plant.commands", 3, NOW_MS)
    topic = compiled.topic_for_key(b"d1")
    assert expected == Publication(
        topic, b"on", compiled.retain, expiry_seconds=None, user_properties=compiled.user_properties
    )


@pytest.mark.parametrize(
    ("to", "by_key"),
    [
        ({}, True),
        ({"topic": "fixed"}, True),
        ({"topic": "{header.x}"}, False),
        ({"topic": "a/{kafka.offset}"}, False),
        ({"topic": "a/{payload.x}"}, False),
        ({"retain": "FromHeader"}, False),
        ({"expiry": "1h"}, False),
    ],
)
def test_the_key_decides_all_only_where_nothing_else_does(
    to: dict[str, object], *, by_key: bool
) -> None:
    assert outbound(kafka_to_mqtt(**to)).by_key is by_key


@pytest.mark.parametrize(
    ("template", "topic"),
    [
        ("a/{key}", "a/k/1"),
        ("a/{header.x}", "a/b/c"),
        ("{kafka.topic}/{kafka.partition}/{kafka.offset}", "plant.commands/3/7"),
        ("a/{payload.n}/{payload.s}", "a/1.0/x"),
        ("a{{}}", "a{}"),
        ("$aws/things/{key}", "$aws/things/k/1"),
    ],
)
def test_a_topic_is_made_of_what_the_record_says(template: str, topic: str) -> None:
    headers = [("x", b"a"), ("x", b"b/c"), ("x", None), ("y", b"d")]
    record = Record(b"k/1", b'{"n": 1.0, "s": "x"}', headers)
    assert published(kafka_to_mqtt(topic=template), record).topic == topic


@pytest.mark.parametrize(
    ("template", "record", "reason"),
    [
        ("a/{key}", Record(None), "MissingValue"),
        ("a/{header.x}", Record(), "MissingValue"),
        ("a/{header.x}", Record(headers=[("x", None)]), "MissingValue"),
        ("a/{payload.x}", Record(value=b"{}"), "MissingValue"),
        ("a/{payload.x}", Record(value=b'{"x": []}'), "NotScalar"),
        ("a/{payload.x}", Record(value=b"\xff"), "BadJson"),
        ("a/{payload.x}", Record(value=b'{"x": "b/c"}'), "BadTopicName"),
        ("a/{key}", Record(b"\xff"), "BadText"),
        ("a/{header.x}", Record(headers=[("x", b"\xff")]), "BadText"),
        ("a/{key}", Record(b"+"), "BadTopicName"),
        ("a/{key}", Record(b"x#"), "BadTopicName"),
        ("a/{key}", Record(b"x\0"), "BadTopicName"),
        ("a/{key}", Record(b"x\n"), "BadTopicName"),
        ("a/{key}", Record("\uffff".encode()), "BadTopicName"),
        ("{key}", Record(b"$SYS/x"), "BadTopicName"),
        ("{key}$x", Record(b""), "BadTopicName"),
        ("{key}", Record(b""), "BadTopicName"),
        ("{key}", Record(b"x" * 65536), "BadTopicName"),
        ("{key}", Record("é".encode() * 32768), "BadTopicName"),
    ],
)
def test_what_makes_no_mqtt_topic_is_refused(template: str, record: Record, reason: str) -> None:
    assert refusal(kafka_to_mqtt(topic=template), record).reason == reason


def test_an_empty_key_is_an_empty_level() -> None:
    assert published(kafka_to_mqtt(), Record(b"")).topic == "plant//command"


def test_a_tombstone_is_skipped_or_published_empty() -> None:
    tombstone = Record(value=None)
    assert to_mqtt(kafka_to_mqtt(), tombstone) == Skipped("filtered", "tombstone")
    assert published(kafka_to_mqtt(tombstone="Publish"), tombstone).payload == b""


@pytest.mark.parametrize(
    ("timestamp", "seconds"),
    [
        (NOW_MS, 60),
        (NOW_MS - 1, 60),
        (NOW_MS - 1000, 59),
        (NOW_MS - 59_001, 1),
        (NOW_MS - 59_999, 1),
        (NOW_MS + 5000, 60),
        (-1, 60),
    ],
)
def test_expiry_counts_from_the_timestamp_of_the_record(timestamp: int, seconds: int) -> None:
    record = Record(timestamp=timestamp)
    assert published(kafka_to_mqtt(expiry="1m"), record).expiry_seconds == seconds


@pytest.mark.parametrize("age_ms", [60_000, 60_001, 10**12])
def test_a_record_past_its_expiry_is_not_published(age_ms: int) -> None:
    record = Record(timestamp=0)
    assert to_mqtt(kafka_to_mqtt(expiry="1m"), record, age_ms) == Skipped("expired", "expiry")


@pytest.mark.parametrize(
    ("headers", "retain"),
    [
        ([("mqtt.retain", b"true")], True),
        ([("mqtt.retain", b"false")], False),
        ([("mqtt.retain", b"false"), ("mqtt.retain", b"true"), ("x", b"false")], True),
    ],
)
def test_retain_follows_the_header_where_the_mapping_says_so(
    headers: list[tuple[str, bytes | None]], *, retain: bool
) -> None:
    assert published(kafka_to_mqtt(retain="FromHeader"), Record(headers=headers)).retain is retain


@pytest.mark.parametrize(
    "headers", [[], [("x", b"true")], [("mqtt.retain", b"yes")], [("mqtt.retain", None)]]
)
def test_a_retain_header_that_says_nothing_is_refused(
    headers: list[tuple[str, bytes | None]],
) -> None:
    error = refusal(kafka_to_mqtt(retain="FromHeader"), Record(headers=headers))
    assert error.reason == "BadRetain"


def test_a_template_that_is_wrong_is_refused_at_construction() -> None:
    with pytest.raises(GrammarError):
        outbound(kafka_to_mqtt(topic="{mqtt.topic}"))


@settings(deadline=None)
@given(
    st.none() | st.binary(),
    st.binary(),
    st.lists(st.tuples(st.text(), st.none() | st.binary())),
)
def test_whatever_is_published_is_legal_mqtt(
    key: bytes | None, value: bytes, headers: list[tuple[str, bytes | None]]
) -> None:
    compiled = outbound(kafka_to_mqtt(topic="{key}"))
    try:
        publication = compiled.convert(Record(key, value, headers), "plant.commands", 3, NOW_MS)
    except RefusedError as error:
        assert error.reason in {"MissingValue", "BadText", "BadTopicName"}  # noqa: PT017 - either
        return
    assert isinstance(publication, Publication)
    assert publication.topic
    assert not set("+#\0") & set(publication.topic)
    assert not publication.topic.startswith("$")
    assert publication.payload == value
    for name, text in publication.user_properties:
        assert "\0" not in name.encode().decode() + text.encode().decode()
