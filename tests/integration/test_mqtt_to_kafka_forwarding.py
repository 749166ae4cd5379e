"""What a message from MQTT becomes in Kafka: one bridge, a mapping for each question."""

from collections.abc import Iterator

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from tests.support.bridge import Bridge
from tests.support.kafka_sink import Record
from tests.support.scenario import Lab
from tests.support.scenario_checks import await_counts, check_ledger
from tests.support.scenario_config import inbound

PARTITIONS = 7
CARRIED = ("qos", "retain", "contentType", "responseTopic", "correlationData", "expiry")


@pytest.fixture(scope="module")
def bridge(shared_lab: Lab) -> Bridge:
    """A bridge whose mappings subscribe to `<their name>/#`, or to `empty/#` all three."""
    lab = shared_lab
    for word in ("plain", "coarse", "carried", "paid", "empty", "tombstone", "skip", "rest.a._"):
        lab.topic(word)
    lab.topic("keys", PARTITIONS)
    lab.topic("_C3_BC_5F_2E-1")
    return lab.run(
        inbound("plain", "plain/#", f"{lab.name}.plain"),
        inbound("coarse", "coarse/#", f"{lab.name}.coarse", source={"qos": 0}),
        inbound(
            "carried",
            "carried/#",
            f"{lab.name}.carried",
            headers={f"mqtt.{word}": f"{{mqtt.{word}}}" for word in CARRIED},
        ),
        inbound(
            "levels",
            "levels/{line}/{device}/telemetry",
            f"{lab.name}.{{line}}",
            key="{device}",
            headers={"line": "{line}", "both": "{line}:{device}"},
        ),
        inbound("rest", "rest/{area...}", f"{lab.name}.rest.{{area...}}", key="{area...}"),
        inbound("keys", "keys/#", f"{lab.name}.keys"),
        inbound("paid", "paid/#", f"{lab.name}.paid", key="{payload.device.id}"),
        inbound("empty", "empty/#", f"{lab.name}.empty"),
        inbound("tombstone", "empty/#", f"{lab.name}.tombstone", emptyPayload="Tombstone"),
        inbound("skip", "empty/#", f"{lab.name}.skip", emptyPayload="Skip"),
    )


@pytest.fixture(autouse=True)
def _balanced(bridge: Bridge) -> Iterator[None]:
    yield
    check_ledger(bridge)


def own_headers(lab: Lab, mapping: str) -> list[tuple[str, bytes]]:
    """Return the two headers that every record of a mapping has."""
    path = f"local/{lab.name}/{mapping}"
    return [("bridge.mapping", mapping.encode()), ("bridge.path", path.encode())]


def only(lab: Lab, word: str) -> Record:
    """Return the only record of a topic."""
    (record,) = lab.records(f"{lab.name}.{word}", 1)
    return record


@pytest.mark.usefixtures("bridge")
def test_a_message_arrives_as_it_is_with_its_topic_as_key_and_the_default_headers(
    shared_lab: Lab,
) -> None:
    payload = bytes(range(256))
    shared_lab.publish("plain/a/b", payload)
    record = only(shared_lab, "plain")
    assert (record.key, record.value) == (b"plain/a/b", payload)
    assert record.headers == [("mqtt.topic", b"plain/a/b"), *own_headers(shared_lab, "plain")]


def test_qos_0_is_forwarded_and_shown_as_a_risk(shared_lab: Lab, bridge: Bridge) -> None:
    for number in range(50):
        shared_lab.publish(f"coarse/{number}", qos=number % 2)
    assert len({r.key for r in shared_lab.records(f"{shared_lab.name}.coarse", 50)}) == 50
    risks = {risk.reason: risk for risk in bridge.mapping("coarse").risks}
    assert "from.qos" in risks[Reason.QOS_ZERO].cure


@pytest.mark.usefixtures("bridge")
def test_user_properties_become_headers_in_order_with_repeats(shared_lab: Lab) -> None:
    shared_lab.publish(
        "carried/properties",
        user_properties=[("b", "1"), ("a", "ü"), ("b", "2"), ("mqtt.topic", "x"), ("kafka.y", "z")],
        content_type="text/plain",
        response_topic="answers/1",
        correlation_data=b"\x00\xff",
        message_expiry_interval=3600,
    )
    shared_lab.publish("carried/bare")
    with_all, bare = shared_lab.records(f"{shared_lab.name}.carried", 2)
    *named, (name, expiry) = with_all.headers
    assert named == [
        ("mqtt.topic", b"carried/properties"),
        ("b", b"1"),
        ("a", "ü".encode()),
        ("b", b"2"),
        ("user.mqtt.topic", b"x"),
        ("user.kafka.y", b"z"),
        *own_headers(shared_lab, "carried"),
        ("mqtt.qos", b"1"),
        ("mqtt.retain", b"false"),
        ("mqtt.contentType", b"text/plain"),
        ("mqtt.responseTopic", b"answers/1"),
        ("mqtt.correlationData", b"\x00\xff"),
    ]
    assert name == "mqtt.expiry"
    assert 3590 <= int(expiry) <= 3600
    assert [name for name, _ in bare.headers][-2:] == ["mqtt.qos", "mqtt.retain"]


@pytest.mark.usefixtures("bridge")
def test_named_levels_are_escaped_in_the_topic_and_plain_in_key_and_headers(
    shared_lab: Lab,
) -> None:
    shared_lab.publish("levels/ü_.-1/d 1/telemetry")
    record = only(shared_lab, "_C3_BC_5F_2E-1")
    assert record.key == b"d 1"
    assert record.headers[3:] == [("line", "ü_.-1".encode()), ("both", "ü_.-1:d 1".encode())]


@pytest.mark.usefixtures("bridge")
def test_a_name_for_many_levels_writes_dots_in_the_topic(shared_lab: Lab) -> None:
    shared_lab.publish("rest/a/")
    assert only(shared_lab, "rest.a._").key == b"a/"


@pytest.mark.usefixtures("bridge")
def test_a_key_is_in_the_partition_where_a_java_producer_would_put_it(shared_lab: Lab) -> None:
    keys = [f"keys/{number}/{'x' * (number % 5)}" for number in range(40)]
    for key in keys:
        shared_lab.publish(key)
    places = {r.key: r.partition for r in shared_lab.records(f"{shared_lab.name}.keys", len(keys))}
    expected = shared_lab.topic("expected", PARTITIONS)
    assert places == {
        key.encode(): shared_lab.produce(expected, key=key.encode()).partition for key in keys
    }
    assert len(set(places.values())) > 1


def test_a_key_comes_from_the_payload_and_what_has_none_is_a_dead_letter(
    shared_lab: Lab, bridge: Bridge
) -> None:
    for payload in (b'{"device": {"id": 7.50}}', b'{"device": {}}', b"no JSON", b"[1]"):
        shared_lab.publish("paid/x", payload)
    assert only(shared_lab, "paid").key == b"7.50"
    letters = shared_lab.records(shared_lab.dead_letters, 3)
    reasons = sorted((r.value, r.header("deadletter.reason")) for r in letters)
    assert reasons == [
        (b"[1]", b"MissingValue"),
        (b"no JSON", b"BadJson"),
        (b'{"device": {}}', b"MissingValue"),
    ]
    await_counts(bridge, "paid", received=4, forwarded=1, dead_lettered=3)


def test_mappings_whose_filters_overlap_get_each_message_once_and_treat_it_their_own_way(
    shared_lab: Lab, bridge: Bridge
) -> None:
    shared_lab.publish("empty/x", b"")
    shared_lab.publish("empty/x", b"full")
    expected: dict[str, list[bytes | None]] = {
        "empty": [b"", b"full"],
        "tombstone": [None, b"full"],
        "skip": [b"full"],
    }
    for word, values in expected.items():
        records = shared_lab.records(f"{shared_lab.name}.{word}", len(values))
        assert [record.value for record in records] == values
    await_counts(bridge, "skip", received=2, forwarded=1, filtered=1)
    await_counts(bridge, "tombstone", received=2, forwarded=2)
