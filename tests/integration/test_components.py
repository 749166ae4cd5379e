"""The components that tests run do what the tests rely on, and what goes wrong is seen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.background import Background
from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink
from tests.support.kafka_source import KafkaSource
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource
from tests.support.waiting import eventually
from tools.components import kafka as component

MakeMosquitto = Callable[..., Mosquitto]


def test_the_version_that_we_name_is_the_one_that_we_install() -> None:
    """The pom pins it; the text says it."""
    pom = Path(component.__file__).with_name("pom.xml").read_text()
    assert f"<version>{component.VERSION}</version>" in pom


def test_kafka_keeps_all_records_in_order_and_the_sink_reads_them(
    kafka: KafkaCluster, unique: str
) -> None:
    """A thousand records of eight keys, over three partitions, with headers."""
    kafka.admin.create_topic(unique, 3)
    ledger = Ledger()
    source = KafkaSource(kafka.bootstrap, unique, ledger)
    source.produce(1000, headers=[("origin", b"test")])
    source.settled()
    with KafkaSink(kafka.bootstrap, unique, ledger) as sink:
        records = sink.read_until_complete(20)
    ledger.check()
    assert ledger.held_count == len(records) == len(source.stored) == 1000
    assert {record.partition for record in records} == {0, 1, 2}
    assert {record.header("origin") for record in records} == {b"test"}


def test_a_sink_goes_on_where_it_was_and_sees_new_partitions(
    kafka: KafkaCluster, unique: str
) -> None:
    """No record is read twice."""
    kafka.admin.create_topic(unique, 1)
    source = KafkaSource(kafka.bootstrap, unique, Ledger(), keys=50)
    with KafkaSink(kafka.bootstrap, unique) as sink:
        assert sink.read() == []
        source.produce(50)
        source.settled()
        assert len(sink.await_records(50, 10)) == 50
        kafka.admin.add_partitions(unique, 4)
        newcomer = KafkaSource(kafka.bootstrap, unique, Ledger(), keys=50)
        newcomer.produce(50)
        newcomer.settled()
        assert len(sink.await_records(100, 10)) == 100
        assert len(sink.read()) == 100
    assert {record.partition for record in sink.records} == {0, 1, 2, 3}


def test_topics_come_change_and_go(kafka: KafkaCluster, unique: str) -> None:
    """Each call waits for its effect."""
    kafka.admin.create_topic(unique, config={"max.message.bytes": "5000"})
    kafka.admin.configure_topic(unique, max_message_bytes=1000)
    source = KafkaSource(kafka.bootstrap, unique, Ledger(), payload_bytes=2000)
    source.produce(1)
    source.settled()
    assert source.stored == {}
    assert kafka.admin.committed("nobody", unique) == {}
    kafka.admin.delete_topic(unique)
    assert kafka.admin.partitions(unique) == 0


def test_a_frozen_kafka_stores_nothing_until_it_thaws(kafka: KafkaCluster, unique: str) -> None:
    """Its connections stay open meanwhile."""
    kafka.admin.create_topic(unique)
    ledger = Ledger()
    source = KafkaSource(kafka.bootstrap, unique, ledger)
    source.produce(1)
    source.settled()
    kafka.freeze()
    try:
        source.produce(1)
        with pytest.raises(AssertionError, match="1 records are not stored"):
            source.settled(0.3)
    finally:
        kafka.thaw()
    source.settled()
    assert ledger.safe_count == 2


def test_three_brokers_elect_another_leader_and_lose_nothing(
    kafka_cluster: KafkaCluster, unique: str
) -> None:
    """The old leader ends, and comes back."""
    kafka_cluster.admin.create_topic(unique)
    ledger = Ledger()
    source = KafkaSource(kafka_cluster.bootstrap, unique, ledger)
    source.produce(100)
    source.settled()
    leader = kafka_cluster.leader(unique)
    leader.terminate()
    source.produce(100)
    source.settled()
    assert kafka_cluster.leader(unique) is not leader
    leader.up()
    kafka_cluster.await_brokers(3)
    with KafkaSink(kafka_cluster.bootstrap, unique, ledger) as sink:
        sink.read_until_complete(20)
    ledger.check()


def test_messages_pass_mosquitto_once_and_in_order(
    mosquitto: Mosquitto, background: Background
) -> None:
    """Ten thousand, at QoS 1."""
    ledger = Ledger()
    background.enter(MqttSink(mosquitto.url, "plant/#", ledger))
    source = background.enter(MqttSource(mosquitto.url, "plant/{key}", ledger))
    background.run(source.publish(10_000))
    background.run(source.settled())
    ledger.await_complete(20)
    ledger.check()
    assert ledger.safe_count == 10_000


def test_a_restart_of_mosquitto_loses_nothing(mosquitto: Mosquitto, background: Background) -> None:
    """It keeps port and sessions; source and sink come back by themselves."""
    ledger = Ledger()
    sink = background.enter(MqttSink(mosquitto.url, "plant/#", ledger))
    source = background.enter(MqttSource(mosquitto.url, "plant/{key}", ledger))
    flow = background.begin(source.publish(2000, per_second=2000))
    eventually(lambda: ledger.held_count > 200, 10, what="messages flow")
    mosquitto.restart()
    flow.result(30)
    background.run(source.settled())
    ledger.await_complete(20)
    ledger.check(duplicates_at_most=1000)
    assert sink.connections == source.connections == 2


def test_a_mosquitto_that_forgets_has_no_session(
    mosquitto: Mosquitto, background: Background
) -> None:
    """What was queued for the client that was away is gone."""
    background.enter(MqttSink(mosquitto.url, "plant/#", Ledger()))
    mosquitto.terminate()
    assert (mosquitto.folder / "mosquitto.db").exists()
    mosquitto.forget_sessions()
    mosquitto.up()
    assert not (mosquitto.folder / "mosquitto.db").exists()


def test_mosquitto_announces_its_window(
    make_mosquitto: MakeMosquitto, background: Background
) -> None:
    """With 20 in flight, a source of 1000 messages never has more than 20 under way."""
    mosquitto = make_mosquitto(max_inflight_messages=20)
    ledger = Ledger()
    background.enter(MqttSink(mosquitto.url, "plant/#", ledger))
    source = background.enter(MqttSource(mosquitto.url, "plant/{key}", ledger))
    background.run(source.publish(1000))
    background.run(source.settled())
    assert source.refused == []
    ledger.await_complete(20)
