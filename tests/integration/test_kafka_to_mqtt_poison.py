"""Records that can't be published: dead letters, dropped ones, those that stop a mapping, loops."""

import hashlib

import pytest

from mqtt_kafka_bridge.contract.status import MappingState, Reason
from tests.support.bridge import Bridge
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts, connections
from tests.support.scenario_config import inbound, outbound, split


@pytest.fixture(scope="module")
def bridge(shared_lab: Lab) -> Bridge:
    """A bridge whose mappings read topics of their own names."""
    lab = shared_lab
    return lab.run(
        outbound("commands", lab.topic("commands", 2), "commands/{payload.id}"),
        outbound("keys", lab.topic("keys"), "{key}/do"),
        outbound("drop", lab.topic("drop"), "drop/{key}", on_error="Drop"),
    )


@pytest.mark.usefixtures("bridge")
def test_a_dead_letter_is_the_record_as_it_was_with_its_place_and_why_it_was_refused(
    shared_lab: Lab,
) -> None:
    lab, topic = shared_lab, f"{shared_lab.name}.commands"
    sink = lab.subscribe("commands/#")
    lab.produce(topic, b'{"id": 1}', partition=1)
    headers: list[tuple[str, str | bytes | None]] = [("a", b"\xff"), ("a", None), ("b", b"2")]
    place = lab.produce(topic, b'{"id"', key=b"\xfe", headers=headers, partition=1)
    lab.produce(topic, b'{"id": 2}', partition=1)
    topics = [message.topic for message in lab.messages(sink, 2)]
    assert topics == ["commands/1", "commands/2"]
    (letter,) = lab.letters("commands", 1)
    assert (letter.key, letter.value) == (b"\xfe", b'{"id"')
    assert letter.headers[:3] == headers
    why = {name: value.decode() for name, value in letter.headers[3:]}
    assert "JSON" in why.pop("deadletter.message")
    assert why.pop("deadletter.at")
    assert why == {
        "deadletter.reason": "BadJson",
        "deadletter.bridge": f"local/{lab.name}",
        "deadletter.mapping": "commands",
        "deadletter.direction": "KafkaToMqtt",
        "deadletter.topic": topic,
        "deadletter.partition": str(place.partition),
        "deadletter.offset": str(place.offset),
        "deadletter.attempts": "1",
        "deadletter.size": "5",
        "deadletter.sha256": hashlib.sha256(b'{"id"').hexdigest(),
    }


def test_a_key_that_makes_no_mqtt_topic_is_refused_by_what_is_wrong_with_it(
    shared_lab: Lab, bridge: Bridge
) -> None:
    lab = shared_lab
    sink = lab.subscribe("+/do")
    bad = {
        b"a+b": b"BadTopicName",
        b"a/#": b"BadTopicName",
        b"a\0": b"BadTopicName",
        b"$SYS": b"BadTopicName",
        b"\xff": b"BadText",
        None: b"MissingValue",
    }
    for key in (*bad, b"good"):
        lab.produce(f"{lab.name}.keys", key=key)
    assert [message.topic for message in lab.messages(sink, 1)] == ["good/do"]
    letters = lab.letters("keys", len(bad))
    assert {letter.key: letter.header("deadletter.reason") for letter in letters} == bad
    await_counts(bridge, "keys", received=7, forwarded=1, dead_lettered=6)


def test_a_dropped_record_is_counted_by_its_reason(shared_lab: Lab, bridge: Bridge) -> None:
    sink = shared_lab.subscribe("drop/#")
    for key in (b"+", b"\xff", b"good", b"#"):
        shared_lab.produce(f"{shared_lab.name}.drop", key=key)
    shared_lab.messages(sink, 1)
    counts = await_counts(bridge, "drop", received=4, forwarded=1, dead_lettered=0)
    assert counts.dropped == {"BadTopicName": 2, "BadText": 1}


def test_a_stopped_mapping_has_committed_up_to_its_record_and_goes_on_from_there(lab: Lab) -> None:
    topic, other = lab.topic("commands"), lab.topic("other")
    sink = lab.subscribe("plant/#")
    stopping = outbound("commands", topic, "plant/{key}", on_error="Stop")
    bystander = outbound("bystander", other, "other/{key}")
    bridge = lab.run(stopping, bystander)
    for key in (b"1", b"2", b"+", b"3"):
        lab.produce(topic, key=key)
    bridge.await_status(
        lambda s: s.mappings[0].state is MappingState.STOPPED, SECONDS, what="it stopped"
    )
    trouble = bridge.mapping("commands").trouble
    assert trouble is not None
    assert trouble.reason is Reason.MESSAGE_REFUSED
    assert "BadTopicName" in trouble.message
    assert bridge.ready
    others = lab.subscribe("other/#")
    lab.produce(other)
    lab.messages(others, 1)
    assert lab.kafka.admin.committed(f"local.{lab.name}.commands", topic) == {0: 2}
    assert bridge.terminate() == 0
    bridge.configure(lab.complete(split({**stopping, "onError": "Drop"}, bystander)))
    bridge.up()
    messages = lab.messages(sink, 3)
    assert [message.topic for message in messages] == ["plant/1", "plant/2", "plant/3"]
    assert await_counts(bridge, "commands", received=2, forwarded=1).dropped == {"BadTopicName": 1}


def test_a_record_larger_than_the_broker_takes_is_never_sent(lab: Lab) -> None:
    topic = lab.topic("commands")
    broker = lab.mosquitto(lines=["max_packet_size 2000"])
    sink = lab.subscribe("plant/#", at=broker)
    bridge = lab.bridge(
        {
            "mqtt": {"servers": [broker.url]},
            "kafkaToMqtt": [outbound("commands", topic, "plant/{key}")],
        }
    )
    bridge.up()
    for size in (100, 5000, 200):
        lab.produce(topic, b"x" * size)
    assert [len(message.payload or b"") for message in lab.messages(sink, 2)] == [100, 200]
    (letter,) = lab.records(lab.dead_letters, 1)
    assert letter.header("deadletter.reason") == b"PacketTooLarge"
    assert len(letter.value or b"") == 5000
    assert connections(bridge, "commands") == 1


def test_two_bridges_that_feed_each_other_pass_a_message_on_once_each_way(lab: Lab) -> None:
    """What comes round is dropped by whoever has seen it, and counted as a loop."""
    topic, other = lab.topic("ring"), f"{lab.name}-2"
    first = lab.run(inbound("there", "ring/#", topic, key="x"))
    second = lab.run(outbound("back", topic, "ring/{key}"), name=other)
    sink = lab.subscribe("ring/#")
    lab.publish("ring/x", b"round")
    assert await_counts(first, "there", received=2, forwarded=1).dropped == {"loop": 1}
    await_counts(second, "back", received=1, forwarded=1)
    assert [message.payload for message in lab.messages(sink, 2)] == [b"round"] * 2
    (record,) = lab.records(topic, 1)
    path = f"local/{lab.name}/there"
    assert record.header("bridge.path") == path.encode()
    assert dict(sink.received[1].user_properties) == {"bridge.path": f"{path},local/{other}/back"}
