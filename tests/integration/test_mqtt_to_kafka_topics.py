"""Kafka topics that are missing, created, or get more partitions while messages flow."""

import time

from confluent_kafka import KafkaException

from mqtt_kafka_bridge.contract.status import MappingState, Reason
from tests.support.kafka_sink import KafkaSink
from tests.support.ledger import Ledger
from tests.support.mqtt_source import MqttSource
from tests.support.proxy import Proxy
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts
from tests.support.scenario_config import inbound
from tests.support.waiting import eventually
from tests.support.wire import acknowledgements

BELIEVED_SECONDS = 10
"""How long the bridge believes that a topic does not exist; partitions are found as soon."""


def test_a_topic_that_is_missing_is_a_dead_letter_and_is_used_once_it_exists(lab: Lab) -> None:
    there = lab.topic("there")
    bridge = lab.run(inbound("telemetry", "plant/{line}", f"{lab.name}.{{line}}"))
    lab.publish("plant/later", b"1")
    lab.publish("plant/there", b"2")
    (letter,) = lab.records(lab.dead_letters, 1)
    assert (letter.key, letter.value) == (b"plant/later", b"1")
    assert letter.header("deadletter.reason") == b"TopicMissing"
    assert f"{lab.name}.later".encode() in (letter.header("deadletter.message") or b"")
    later = lab.topic("later")
    published = 1

    def arrived() -> bool:
        nonlocal published
        lab.publish("plant/later", b"%d" % published)
        published += 1
        return await_counts(bridge, "telemetry", received=published + 1, in_flight=0).forwarded > 1

    eventually(arrived, BELIEVED_SECONDS + SECONDS, every_seconds=0.3)
    assert [record.value for record in lab.records(there, 1)] == [b"2"]
    assert lab.records(later, 1)


def test_added_partitions_are_used_under_load_and_nothing_is_lost(lab: Lab) -> None:
    topic = lab.topic(partitions=2)
    bridge = lab.run(inbound("telemetry", "plant/{device}", topic, key="{device}"))
    ledger = Ledger()
    background = lab.background
    source = background.enter(MqttSource(lab.broker.url, "plant/{key}", ledger, keys=50))
    with KafkaSink(lab.kafka.bootstrap, topic, ledger) as sink:

        def spread() -> bool:
            sink.read()
            return {record.partition for record in sink.records} == set(range(6))

        done: list[bool] = []
        flow = background.begin(source.keep_publishing(400, lambda: bool(done)))
        sink.await_records(100, SECONDS)
        lab.kafka.admin.add_partitions(topic, 6)
        began_ms = time.time() * 1000
        eventually(
            spread,
            BELIEVED_SECONDS + SECONDS,
            what="a record in each partition",
            ignoring=(KafkaException,),  # the sink finds a new partition before its leader
        )
        done.append(True)
        flow.result(SECONDS)
        background.run(source.settled())
        sink.read_until_complete(SECONDS)
    first_ms = {r.partition: r.timestamp for r in reversed(sink.records)}
    assert max(first_ms.values()) - began_ms < BELIEVED_SECONDS * 1000
    # A key that moved to another partition may pass what waits in its old one: no check of order.
    assert ledger.duplicates() == 0
    await_counts(bridge, "telemetry", forwarded=ledger.safe_count, returned=0)


def test_nothing_is_acknowledged_before_a_missing_topic_exists_and_then_nothing_is_lost(
    lab: Lab,
) -> None:
    """And the other mapping of the bridge, which is ready, flows all the while."""
    proxy = lab.background.enter(Proxy(lab.broker.port, record=True))
    missing, there = f"{lab.name}.missing", lab.topic("there")
    bridge = lab.bridge(
        {
            "mqtt": {"servers": [f"mqtt://127.0.0.1:{proxy.port}"]},
            "mqttToKafka": [inbound("waits", "a/#", missing), inbound("flows", "b/#", there)],
        }
    )
    bridge.up()
    bridge.await_status(
        lambda s: s.mappings[0].state is MappingState.WAITING, SECONDS, what="it waits"
    )
    trouble = bridge.mapping("waits").trouble
    assert trouble is not None
    assert trouble.reason is Reason.TOPIC_MISSING
    assert missing in trouble.message
    assert f"--create --topic {missing}" in trouble.cure
    ledger = Ledger()
    source = lab.background.enter(MqttSource(lab.broker.url, "a/{key}", ledger))
    lab.background.run(source.publish(300))
    lab.background.run(source.settled())
    await_counts(bridge, "waits", received=300, in_flight=300, forwarded=0)
    lab.publish("b/1")
    lab.records(there, 1)
    assert acknowledgements(proxy.chunks, by_server=False) == []
    lab.topic("missing", 3)
    with KafkaSink(lab.kafka.bootstrap, missing, ledger) as sink:
        sink.read_until_complete(SECONDS)
    ledger.check()
    await_counts(bridge, "waits", received=300, forwarded=300)
    assert bridge.mapping("waits").state is MappingState.FORWARDING
    assert len(acknowledgements(proxy.chunks, by_server=False)) == 300
