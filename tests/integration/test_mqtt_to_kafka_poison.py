"""Messages that can't be forwarded: dead letters, dropped ones, and those that stop a mapping."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from mqtt_kafka_bridge.contract.status import MappingState, Reason
from tests.support.bridge import Bridge
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts, check_ledger
from tests.support.scenario_config import inbound, split

GOOD, POISON = b'{"id": "d1"}', b'{"id": '


@pytest.fixture(scope="module")
def bridge(shared_lab: Lab) -> Bridge:
    """A bridge whose mappings subscribe to `<their name>/#`."""
    lab = shared_lab
    limited = lab.topic("limited", max_message_bytes="20000")
    return lab.run(
        inbound("telemetry", "telemetry/#", lab.topic("telemetry"), key="{payload.id}"),
        inbound("drop", "drop/#", lab.topic("drop"), key="{payload.id}", on_error="Drop"),
        inbound("limited", "limited/#", limited),
        kafka={"producer": {"compression": "none"}},
    )


@pytest.mark.usefixtures("bridge")
def test_a_dead_letter_carries_all_that_the_message_had_and_why_it_was_refused(
    shared_lab: Lab,
) -> None:
    lab = shared_lab
    lab.publish("telemetry/1", GOOD)
    lab.publish(
        "telemetry/2",
        POISON,
        user_properties=[("a", "1"), ("a", "2"), ("deadletter.reason", "forged")],
        content_type="application/json",
        correlation_data=b"\xff",
    )
    lab.publish("telemetry/1", GOOD)
    assert [record.value for record in lab.records(f"{lab.name}.telemetry", 2)] == [GOOD] * 2
    (letter,) = lab.letters("telemetry", 1)
    assert (letter.key, letter.value) == (b"telemetry/2", POISON)
    headers = [(name, value.decode(errors="replace")) for name, value in letter.headers]
    kept = [each for each in headers if not each[0].startswith("deadletter.")]
    assert kept == [
        ("mqtt.topic", "telemetry/2"),
        ("mqtt.qos", "1"),
        ("mqtt.retain", "false"),
        ("mqtt.contentType", "application/json"),
        ("mqtt.correlationData", "�"),
        ("a", "1"),
        ("a", "2"),
        ("user.deadletter.reason", "forged"),
        ("bridge.mapping", "telemetry"),
        ("bridge.path", f"local/{lab.name}/telemetry"),
    ]
    why = dict(each for each in headers if each[0].startswith("deadletter."))
    assert "JSON" in why.pop("deadletter.message")
    at = datetime.fromisoformat(why.pop("deadletter.at"))
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)
    assert why == {
        "deadletter.reason": "BadJson",
        "deadletter.bridge": f"local/{lab.name}",
        "deadletter.mapping": "telemetry",
        "deadletter.direction": "MqttToKafka",
        "deadletter.topic": "telemetry/2",
        "deadletter.attempts": "1",
        "deadletter.size": str(len(POISON)),
        "deadletter.sha256": hashlib.sha256(POISON).hexdigest(),
    }


def test_a_dropped_message_is_counted_by_its_reason_and_written_nowhere(
    shared_lab: Lab, bridge: Bridge
) -> None:
    for payload in (GOOD, POISON, b"{}", POISON, GOOD):
        shared_lab.publish("drop/1", payload)
    shared_lab.records(f"{shared_lab.name}.drop", 2)
    counts = await_counts(bridge, "drop", received=5, forwarded=2, dead_lettered=0)
    assert counts.dropped == {"BadJson": 2, "MissingValue": 1}
    assert bridge.metrics().total("mqttkafka_dropped_total", reason="BadJson") == 2


def test_a_stopped_mapping_leaves_its_message_at_the_broker_and_the_other_flows(lab: Lab) -> None:
    topic, other = lab.topic(), lab.topic("other")
    stopping = inbound("telemetry", "plant/#", topic, key="{payload.id}", on_error="Stop")
    bystander = inbound("bystander", "plant/#", other)
    bridge = lab.run(stopping, bystander)
    payloads = [b'{"id": 1}', b'{"id": 2}', POISON, b'{"id": 3}', b'{"id": 4}']
    for payload in payloads:
        lab.publish("plant/1", payload)
    lab.records(topic, 2)
    bridge.await_status(
        lambda s: s.mappings[0].state is MappingState.STOPPED, SECONDS, what="it stopped"
    )
    trouble = bridge.mapping("telemetry").trouble
    assert trouble is not None
    assert trouble.reason is Reason.MESSAGE_REFUSED
    assert "BadJson" in trouble.message
    assert "onError" in trouble.cure
    assert bridge.ready
    lab.publish("plant/1", b'{"id": 5}')
    lab.records(other, 6)
    check_ledger(bridge)
    assert bridge.terminate() == 0
    bridge.configure(lab.complete(split({**stopping, "onError": "Drop"}, bystander)))
    bridge.up()
    values = [record.value for record in lab.records(topic, 5)]
    assert values == [b'{"id": %d}' % number for number in (1, 2, 3, 4, 5)]
    assert await_counts(bridge, "telemetry", received=4, forwarded=3).dropped == {"BadJson": 1}


def test_only_the_record_that_a_topic_does_not_take_is_a_dead_letter(
    shared_lab: Lab, bridge: Bridge
) -> None:
    """Known before it is sent, or only when Kafka refuses it: the limit was lowered meanwhile."""
    lab, topic = shared_lab, f"{shared_lab.name}.limited"
    known = [b"a" * 100, b"b" * 30_000, b"c" * 15_000]
    for payload in known:
        lab.publish("limited/1", payload)
    assert [record.value for record in lab.records(topic, 2)] == [known[0], known[2]]
    lab.kafka.admin.configure_topic(topic, max_message_bytes=5000)
    lowered = [b"d" * 100, b"e" * 15_000, *(b"%d" % n * 100 for n in range(1, 10))]
    for payload in lowered:
        lab.publish("limited/1", payload)
    values = [record.value for record in lab.records(topic, 2 + 10)]
    assert values[2:] == [lowered[0], *lowered[2:]]
    letters = lab.letters("limited", 2)
    assert [letter.value for letter in letters] == [known[1], lowered[1]]
    assert {letter.header("deadletter.reason") for letter in letters} == {b"RecordTooLarge"}
    assert [letter.header("deadletter.size") for letter in letters] == [b"30000", b"15000"]
    await_counts(bridge, "limited", received=14, forwarded=12, dead_lettered=2)
