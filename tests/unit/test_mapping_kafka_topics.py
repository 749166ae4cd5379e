"""Levels in Kafka topic names: escaped as the design says, and reversibly."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.kafka_topics import (
    checked,
    escape_level,
    escape_levels,
    unescape_level,
    unescape_levels,
)


@pytest.mark.parametrize(
    ("level", "escaped"),
    [
        ("d-17", "d-17"),
        ("a_b.c", "a_5Fb_2Ec"),
        ("", "_"),
        ("ä/", "_C3_A4_2F"),
        ("a b", "a_20b"),
        ("²", "_C2_B2"),
    ],
)
def test_a_level_is_escaped_byte_by_byte(level: str, escaped: str) -> None:
    assert escape_level(level.encode()) == escaped


@pytest.mark.parametrize(
    ("levels", "escaped"), [("a/b", "a.b"), ("/a//", "_.a._._"), ("a.b/c", "a_2Eb.c"), ("", "_")]
)
def test_a_slash_becomes_a_dot(levels: str, escaped: str) -> None:
    assert escape_levels(levels.encode()) == escaped


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/")), min_size=1)
)
def test_levels_come_back_as_they_were(levels: list[str]) -> None:
    topic = "/".join(levels)
    escaped = escape_levels(topic.encode())
    assert re.fullmatch(r"[A-Za-z0-9._-]+", escaped)
    assert unescape_levels(escaped) == topic
    assert [unescape_level(level) for level in escaped.split(".")] == levels


@pytest.mark.parametrize("text", ["", "a_", "_5f", "a.b", "a/b", "_FF"])
def test_what_is_no_escaped_level_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no escaped MQTT level|invalid start byte"):
        unescape_level(text)


@pytest.mark.parametrize("topic", ["", ".", "..", "a" * 250])
def test_a_name_that_kafka_does_not_take_is_refused(topic: str) -> None:
    with pytest.raises(RefusedError) as refused:
        checked(topic)
    assert refused.value.reason == "BadTopicName"


def test_a_name_that_kafka_takes_passes() -> None:
    assert checked("a" * 249) == "a" * 249


def test_no_message_names_a_topic_that_the_bridge_keeps_for_itself() -> None:
    """Whoever may publish to MQTT could else forge what pods tell each other."""
    with pytest.raises(RefusedError, match="own"):
        checked("mqttkafka.local.plant.sessions", {"mqttkafka.local.plant.sessions"})
    assert checked("plant", {"mqttkafka.local.plant.sessions"}) == "plant"
