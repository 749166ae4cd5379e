"""Where reading begins and how far it has come: startFrom, commits, transactions, retention."""

# confluent_kafka.admin re-exports its names without saying so:
# mypy: disable-error-code="attr-defined"

import mqtt5
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.support.broker_script import Script, ScriptedBroker
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts
from tests.support.scenario_config import outbound
from tests.support.waiting import eventually


def committed(lab: Lab, topic: str, mapping: str = "commands") -> dict[int, int]:
    """Return what the group of a mapping has committed."""
    return lab.kafka.admin.committed(f"local.{lab.name}.{mapping}", topic)


def await_committed(
    lab: Lab, topic: str, positions: dict[int, int], *, mapping: str = "commands"
) -> None:
    """Wait until the group of a mapping has committed this."""
    eventually(
        lambda: committed(lab, topic, mapping) == positions,
        SECONDS,
        what=lambda: f"{positions}; committed are {committed(lab, topic, mapping)}",
    )


def test_where_to_begin_is_resolved_once(lab: Lab) -> None:
    """At the first start, whether or not a record comes; what is produced later always arrives."""
    topic = lab.topic("commands", 2)
    for partition in (0, 1):
        lab.produce(topic, b"before", partition=partition)
    earliest, latest = lab.subscribe("earliest/#"), lab.subscribe("latest/#")
    bridge = lab.run(
        outbound("commands", topic, "earliest/{key}", start_from="Earliest"),
        outbound("latest", topic, "latest/{key}", start_from="Latest"),
    )
    await_committed(lab, topic, {0: 1, 1: 1})
    await_committed(lab, topic, {0: 1, 1: 1}, mapping="latest")
    assert bridge.terminate() == 0
    for partition in (0, 1):
        lab.produce(topic, b"meanwhile", partition=partition)
    bridge.up()
    meanwhile = [b"meanwhile"] * 2
    assert [m.payload for m in lab.messages(earliest, 4)] == [b"before", b"before", *meanwhile]
    assert [m.payload for m in lab.messages(latest, 2)] == meanwhile
    await_committed(lab, topic, {0: 2, 1: 2}, mapping="latest")


def test_a_partition_that_is_added_is_read_from_its_first_record(lab: Lab) -> None:
    topic = lab.topic("commands")
    sink = lab.subscribe("plant/#")
    bridge = lab.run(outbound("commands", topic, "plant/{key}", start_from="Latest"))
    await_committed(lab, topic, {0: 0})
    lab.kafka.admin.add_partitions(topic, 2)
    lab.produce(topic, b"early", partition=1)
    eventually(lambda: sink.received, SECONDS, what="the record of the new partition")
    assert [message.payload for message in sink.received] == [b"early"]
    await_committed(lab, topic, {0: 0, 1: 1})
    assert bridge.terminate() == 0
    lab.produce(topic, b"late", partition=1)
    bridge.up()
    lab.messages(sink, 2)


def test_aborted_transactions_are_not_forwarded_and_their_gaps_are_committed(lab: Lab) -> None:
    topic = lab.topic("commands")
    sink = lab.subscribe("plant/#")
    lab.run(outbound("commands", topic, "plant/{key}"))
    producer = Producer(
        {
            "bootstrap.servers": ",".join(lab.kafka.bootstrap),
            "transactional.id": lab.name,
            "log_level": 0,
        }
    )
    producer.init_transactions(SECONDS)
    for word, end in ((b"kept", "commit"), (b"aborted", "abort"), (b"last", "abort")):
        producer.begin_transaction()
        for number in range(3):
            producer.produce(topic, word + b"%d" % number, key=b"d1")
        producer.flush(SECONDS)
        getattr(producer, f"{end}_transaction")(SECONDS)
    # Three records and a marker each; behind the last marker nothing ever comes.
    await_committed(lab, topic, {0: 12})
    assert [m.payload for m in lab.messages(sink, 3)] == [b"kept0", b"kept1", b"kept2"]


def test_records_that_retention_took_while_the_bridge_was_away_do_not_stop_it(lab: Lab) -> None:
    topic = lab.topic("commands")
    sink = lab.subscribe("plant/#")
    bridge = lab.run(outbound("commands", topic, "plant/{key}"))
    lab.produce(topic, b"0")
    await_committed(lab, topic, {0: 1})
    assert bridge.terminate() == 0
    for number in range(1, 6):
        lab.produce(topic, b"%d" % number)
    admin = AdminClient({"bootstrap.servers": ",".join(lab.kafka.bootstrap), "log_level": 0})
    for deleted in admin.delete_records([TopicPartition(topic, 0, 4)]).values():
        deleted.result(SECONDS)
    bridge.up()
    assert [m.payload for m in lab.messages(sink, 3)] == [b"0", b"4", b"5"]
    await_committed(lab, topic, {0: 6})


def test_nothing_is_committed_past_a_record_that_the_broker_did_not_acknowledge(lab: Lab) -> None:
    """Not at a stop either: it ends with 3 when the drain's deadline has passed."""
    topic = lab.topic("commands", 2)

    def all_but_held(packet: mqtt5.PublishPacket) -> mqtt5.PubAckReasonCode | None:
        return None if packet.payload == b"held" else mqtt5.PubAckReasonCode.SUCCESS

    broker = lab.background.enter(ScriptedBroker(Script(puback=all_but_held)))
    bridge = lab.bridge(
        {
            "mqtt": {"servers": [broker.url]},
            "kafkaToMqtt": [outbound("commands", topic, "plant/{key}")],
            "limits": {"drain": "1s"},
        }
    )
    bridge.up()
    lab.produce(topic, b"first", partition=0)
    await_committed(lab, topic, {0: 1, 1: 0})
    lab.produce(topic, b"held", partition=1)
    lab.produce(topic, b"behind", partition=1)
    connection = lab.background.run(broker.connection())
    lab.background.run(connection.expect(mqtt5.PublishPacket, 3))
    await_counts(bridge, "commands", received=3, forwarded=1, in_flight=2)
    assert bridge.terminate() == 3
    assert committed(lab, topic) == {0: 1, 1: 0}
    broker.script.puback = lambda _: mqtt5.PubAckReasonCode.SUCCESS
    bridge.up()
    again = lab.background.run(broker.connection(1))
    packets = lab.background.run(again.expect(mqtt5.PublishPacket, 2))
    assert [packet.payload for packet in packets] == [b"held", b"behind"]
    assert not any(packet.duplicate for packet in packets)
    await_committed(lab, topic, {0: 1, 1: 2})
