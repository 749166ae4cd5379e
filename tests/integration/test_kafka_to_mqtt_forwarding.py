"""What a record from Kafka becomes on MQTT: one bridge, a mapping for each question."""

import time
from collections.abc import Iterator

import mqtt5
import pytest

from tests.support.bridge import Bridge
from tests.support.scenario import Lab
from tests.support.scenario_checks import await_counts, check_ledger
from tests.support.scenario_config import outbound

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def bridge(shared_lab: Lab) -> Bridge:
    """A bridge whose mappings publish under `<their name>/`, or under `<topic>/` at the same."""
    lab = shared_lab
    return lab.run(
        outbound("commands", lab.topic("commands", 3), "commands/{key}/do"),
        outbound("named", lab.topic("named", 3), "{header.room}/{kafka.topic}/{kafka.partition}"),
        outbound("paid", lab.topic("paid"), "paid/{payload.device.id}"),
        outbound("coarse", lab.topic("coarse"), "coarse/{key}", qos=0),
        outbound("kept", lab.topic("kept"), "kept/{key}", retain="Always", tombstone="Publish"),
        outbound("chosen", lab.topic("chosen"), "chosen/{key}", retain="FromHeader"),
        outbound("skipped", lab.topic("skipped"), "skipped/{key}"),
        outbound("hasty", lab.topic("hasty"), "hasty/{key}", expiry="1h"),
    )


@pytest.fixture(autouse=True)
def _balanced(bridge: Bridge) -> Iterator[None]:
    yield
    check_ledger(bridge)


def topic(lab: Lab, word: str) -> str:
    """Return the Kafka topic of a mapping."""
    return f"{lab.name}.{word}"


def own_path(lab: Lab, mapping: str) -> tuple[str, str]:
    """Return the user property that every message of a mapping has."""
    return ("bridge.path", f"local/{lab.name}/{mapping}")


def test_a_record_is_published_under_its_key_as_it_is(shared_lab: Lab, bridge: Bridge) -> None:
    lab = shared_lab
    sink = lab.subscribe("commands/#")
    values = [bytes(range(256)), b""]
    for value in values:
        lab.produce(topic(lab, "commands"), value, key="hall/ü".encode())
    messages = lab.messages(sink, 2)
    assert [(m.topic, m.payload) for m in messages] == [("commands/hall/ü/do", v) for v in values]
    assert [(m.qos, m.retain) for m in messages] == [(mqtt5.QoS.AT_LEAST_ONCE, False)] * 2
    assert list(messages[0].user_properties) == [own_path(lab, "commands")]
    await_counts(bridge, "commands", received=2, forwarded=2)


@pytest.mark.usefixtures("bridge")
def test_headers_become_user_properties_and_topic_levels_and_what_is_no_text_is_left_out(
    shared_lab: Lab,
) -> None:
    lab = shared_lab
    sink = lab.subscribe("hall/#")
    lab.produce(
        topic(lab, "named"),
        headers=[
            ("room", b"hall"),
            ("b", b"1"),
            ("a", "ü".encode()),
            ("b", b"2"),
            ("binary", b"\xff\xfe"),
            ("null", None),
            ("mqtt.contentType", b"text/plain"),
            ("mqtt.responseTopic", b"answers/1"),
            ("mqtt.correlationData", b"\xff"),
            ("mqtt.topic", b"left/out"),
            ("kafka.left", b"out"),
            ("deadletter.reason", b"out"),
            ("bridge.mapping", b"out"),
        ],
        partition=2,
    )
    (message,) = lab.messages(sink, 1)
    assert message.topic == f"hall/{topic(lab, 'named')}/2"
    assert list(message.user_properties) == [
        ("room", "hall"),
        ("b", "1"),
        ("a", "ü"),
        ("b", "2"),
        own_path(lab, "named"),
    ]
    assert message.content_type == "text/plain"
    assert message.response_topic == "answers/1"
    assert message.correlation_data == b"\xff"


@pytest.mark.usefixtures("bridge")
def test_the_topic_can_come_from_the_payload(shared_lab: Lab) -> None:
    sink = shared_lab.subscribe("paid/#")
    shared_lab.produce(topic(shared_lab, "paid"), b'{"device": {"id": 7}}', key=None)
    assert [message.topic for message in shared_lab.messages(sink, 1)] == ["paid/7"]


def test_qos_0_is_published_and_shown_as_a_risk(shared_lab: Lab, bridge: Bridge) -> None:
    sink = shared_lab.subscribe("coarse/#")
    for number in range(50):
        shared_lab.produce(topic(shared_lab, "coarse"), b"%d" % number)
    messages = shared_lab.messages(sink, 50)
    assert [message.payload for message in messages] == [b"%d" % number for number in range(50)]
    assert all(message.qos == mqtt5.QoS.AT_MOST_ONCE for message in messages)
    assert "QosZero" in [risk.reason for risk in bridge.mapping("coarse").risks]
    await_counts(bridge, "coarse", received=50, forwarded=50)


def test_a_tombstone_clears_the_retained_message_where_it_is_published(
    shared_lab: Lab, bridge: Bridge
) -> None:
    lab = shared_lab
    lab.produce(topic(lab, "kept"), b"1", key=b"stays")
    lab.produce(topic(lab, "kept"), b"2", key=b"goes")
    await_counts(bridge, "kept", forwarded=2)
    before = lab.messages(lab.subscribe("kept/#"), 2)
    assert {(m.topic, m.payload, m.retain) for m in before} == {
        ("kept/stays", b"1", True),
        ("kept/goes", b"2", True),
    }
    lab.produce(topic(lab, "kept"), None, key=b"goes")
    await_counts(bridge, "kept", forwarded=3)
    after = lab.messages(lab.subscribe("kept/#"), 1)
    assert [m.topic for m in after] == ["kept/stays"]


def test_a_tombstone_is_skipped_by_default(shared_lab: Lab, bridge: Bridge) -> None:
    sink = shared_lab.subscribe("skipped/#")
    for value in (None, b"full"):
        shared_lab.produce(topic(shared_lab, "skipped"), value)
    assert [message.payload for message in shared_lab.messages(sink, 1)] == [b"full"]
    await_counts(bridge, "skipped", received=2, forwarded=1, filtered=1)


def test_a_header_can_say_whether_to_retain_and_what_it_does_not_say_is_a_dead_letter(
    shared_lab: Lab, bridge: Bridge
) -> None:
    lab = shared_lab
    live = lab.subscribe("chosen/#")
    for word in (b"true", b"false", b"maybe"):
        lab.produce(topic(lab, "chosen"), word, key=word, headers=[("mqtt.retain", word)])
    lab.produce(topic(lab, "chosen"), b"silent", key=b"silent")
    assert [(m.payload, m.retain) for m in lab.messages(live, 2)] == [
        (b"true", True),
        (b"false", False),
    ]
    assert [m.payload for m in lab.messages(lab.subscribe("chosen/#"), 1)] == [b"true"]
    letters = lab.records(lab.dead_letters, 2)
    assert sorted(letter.value or b"" for letter in letters) == [b"maybe", b"silent"]
    assert {letter.header("deadletter.reason") for letter in letters} == {b"BadRetain"}
    await_counts(bridge, "chosen", received=4, forwarded=2, dead_lettered=2)


def test_what_is_older_than_the_expiry_is_left_out_and_the_rest_expires_at_the_broker(
    shared_lab: Lab, bridge: Bridge
) -> None:
    lab = shared_lab
    sink = lab.subscribe("hasty/#")
    now_ms = time.time_ns() // 1_000_000
    for age_ms in (HOUR_MS + 1000, HOUR_MS // 2, 0, -HOUR_MS):
        lab.produce(topic(lab, "hasty"), b"%d" % age_ms, timestamp_ms=now_ms - age_ms)
    messages = lab.messages(sink, 3)
    left = {message.payload: message.message_expiry_interval for message in messages}
    for payload, seconds in ((b"1800000", 1800), (b"0", 3600), (b"-3600000", 3600)):
        interval = left[payload]
        assert interval is not None
        assert seconds - 20 <= interval <= seconds
    await_counts(bridge, "hasty", received=4, forwarded=3, expired=1)
