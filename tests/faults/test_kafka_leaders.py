"""Row 7: leaders change, with acks=all on three brokers of which two must have each record."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import pytest

from tests.support.background import Background
from tests.support.bridge import Bridge
from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink, Record
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_source import MqttSource
from tests.support.scenario_config import inbound
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]
MESSAGES_PER_SECOND = 300
WINDOW = 500
STALL_SECONDS = 30
SOAK_CHANGES, SHORT_CHANGES = 10, 3


def changed(cluster: KafkaCluster, topic: str, *, killed: bool) -> None:
    """End the leader of the first partition, in order or by SIGKILL; see another one lead."""
    leader = cluster.leader(topic)
    if killed:
        leader.kill()
    else:
        leader.terminate(60)
    eventually(
        lambda: cluster.admin.leaders(topic)[0] not in (leader.node, -1), 60, what="another leader"
    )


def see_flow(bridge: Bridge) -> None:
    """Wait until more has been stored than was under way."""
    before = bridge.mapping("telemetry").counts.forwarded
    bridge.await_status(
        lambda status: status.mappings[0].counts.forwarded > before + WINDOW,
        STALL_SECONDS + 10,
        what="messages flow again",
    )


def stalls(records: Iterable[Record]) -> Sequence[float]:
    """Return the longest pause of each partition, in seconds, by the brokers' clock."""
    appended: dict[int, list[int]] = defaultdict(list)
    for record in records:
        appended[record.partition].append(record.timestamp)
    return [
        max(after - before for before, after in pairwise(sorted(times))) / 1000
        for times in appended.values()
    ]


@pytest.mark.timeout(1800)
def test_leaders_change_and_nothing_is_lost(
    kafka_cluster: KafkaCluster,
    mosquitto: Mosquitto,
    background: Background,
    make_bridge: MakeBridge,
    unique: str,
    note: Callable[[str, float], None],
    *,
    soak: bool,
) -> None:
    """L O D; no partition stalls for more than 30 s; every second leader is killed."""
    topic = kafka_cluster.admin.create_topic(
        unique, 3, config={"message.timestamp.type": "LogAppendTime"}
    )
    bridge = make_bridge(
        {
            "mqtt": {"servers": [mosquitto.url], "receiveMaximum": WINDOW},
            "kafka": {"bootstrapServers": kafka_cluster.bootstrap},
            "mqttToKafka": [inbound("telemetry", f"{unique}/{{device}}", topic, key="{device}")],
        }
    )
    bridge.up()
    ledger = Ledger()
    source = background.enter(MqttSource(mosquitto.url, f"{unique}/{{key}}", ledger))
    changes = SOAK_CHANGES if soak else SHORT_CHANGES
    done = False
    flow = background.begin(source.keep_publishing(MESSAGES_PER_SECOND, lambda: done))
    for n in range(changes):
        changed(kafka_cluster, topic, killed=n % 2 == 1)
        see_flow(bridge)
        ended = next(b for b in kafka_cluster.brokers if not b.running)
        ended.up()
        kafka_cluster.await_brokers(3)
        kafka_cluster.admin.await_in_sync()
    done = True
    flow.result(30)
    background.run(source.settled(), 40)
    with KafkaSink(kafka_cluster.bootstrap, topic, ledger) as sink:
        records = sink.read_until_complete(30)
    ledger.check(duplicates_at_most=WINDOW * changes)
    note("longest stall (s)", max(stalls(records)))
    note("duplicates", ledger.duplicates())
    assert max(stalls(records)) <= STALL_SECONDS, stalls(records)
    assert bridge.running
