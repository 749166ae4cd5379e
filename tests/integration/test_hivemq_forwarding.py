"""The bridge at HiveMQ: a broker that is strict about windows, and sends in lock-step."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.background import Background
from tests.support.bridge import Bridge
from tests.support.hivemq import HiveMQ
from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink
from tests.support.kafka_source import KafkaSource
from tests.support.ledger import Ledger
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource
from tests.support.scenario_checks import (
    await_counts,
    check_ledger,
    check_no_crash,
    connections,
)
from tests.support.scenario_config import inbound, outbound, split
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]
MakeHiveMQ = Callable[..., HiveMQ]
MESSAGES = 3000
PER_SECOND = 2000
HIVEMQ_WINDOW = 50
"""The most that it sends unacknowledged, whatever the client allows."""
PARTITIONS = 3


class Plant:
    """Both ends of both directions, each with a ledger; mappings are `telemetry` and `commands`."""

    def __init__(
        self, name: str, broker: HiveMQ, kafka: KafkaCluster, background: Background
    ) -> None:
        self.name, self.broker, self.kafka, self.background = name, broker, kafka, background
        self.inward, self.outward = Ledger(), Ledger()
        self._telemetry = kafka.admin.create_topic(f"{name}.telemetry", PARTITIONS)
        self._commands = kafka.admin.create_topic(f"{name}.commands", PARTITIONS)
        self.devices = background.enter(MqttSource(broker.url, f"{name}/{{key}}", self.inward))
        self.orders = KafkaSource(kafka.bootstrap, self._commands, self.outward)
        background.enter(MqttSink(broker.url, f"{name}-out/#", self.outward))

    def config(self, **telemetry: object) -> dict[str, Any]:
        """Return a bridge for both directions; what is given by name goes into `telemetry`."""
        pattern = f"{self.name}/{{device}}"
        mappings = split(
            {**inbound("telemetry", pattern, self._telemetry, key="{device}"), **telemetry},
            outbound("commands", self._commands, f"{self.name}-out/{{key}}"),
        )
        kafka = {"bootstrapServers": self.kafka.bootstrap, "coordination": {"type": "None"}}
        return {"mqtt": {"servers": [self.broker.url]}, "kafka": kafka, **mappings}

    def complete(self, within_seconds: float = 30) -> None:
        """Wait until everything that the sources were told is safe is at the other end."""
        self.background.run(self.devices.settled(within_seconds), within_seconds + 5)
        with KafkaSink(self.kafka.bootstrap, self._telemetry, self.inward) as sink:
            sink.read_until_complete(within_seconds)
        self.orders.settled(within_seconds)
        if self.orders.stored:
            self.outward.await_complete(within_seconds)


@pytest.fixture
def plant(hivemq: HiveMQ, kafka: KafkaCluster, background: Background, unique: str) -> Plant:
    """Both ends, at the shared HiveMQ."""
    return Plant(unique, hivemq, kafka, background)


def see_end(bridge: Bridge) -> None:
    """Check that its ledger balances (G5), that it ends cleanly, and that it logged no crash."""
    check_ledger(bridge)
    assert bridge.terminate() == 0
    check_no_crash(bridge)


def test_a_restart_under_load_loses_and_repeats_nothing_either_way(
    plant: Plant, make_bridge: MakeBridge
) -> None:
    """L O, D = 0: what the bridge was sent, and what HiveMQ kept for it while it was away."""
    bridge = make_bridge(plant.config())
    bridge.up()
    flow = plant.background.begin(plant.devices.publish(MESSAGES, per_second=PER_SECOND))
    plant.orders.produce(MESSAGES)
    eventually(lambda: plant.outward.held_count > MESSAGES // 4, 20, what="load")
    assert bridge.terminate() == 0
    flow.result(30)
    plant.background.run(plant.devices.publish(MESSAGES))
    plant.orders.produce(MESSAGES)
    bridge.up()
    assert bridge.session("telemetry").session_present is True
    plant.complete()
    plant.inward.check(duplicates_at_most=0)
    plant.outward.check(duplicates_at_most=0)
    assert plant.inward.safe_count == plant.outward.safe_count == 2 * MESSAGES
    counts = bridge.mapping("telemetry").counts
    assert counts.received >= MESSAGES
    assert counts.redelivered == 0
    see_end(bridge)


def test_a_killed_bridge_repeats_no_more_than_hivemq_had_sent_it(
    plant: Plant, make_bridge: MakeBridge
) -> None:
    """L O, D at most HiveMQ's own window."""
    bridge = make_bridge({**plant.config(), "kafkaToMqtt": []})
    bridge.up()
    flow = plant.background.begin(plant.devices.publish(MESSAGES, per_second=PER_SECOND))
    eventually(lambda: bridge.mapping("telemetry").counts.forwarded > MESSAGES // 4, 20)
    bridge.kill()
    bridge.up()
    flow.result(30)
    plant.complete()
    plant.inward.check(duplicates_at_most=HIVEMQ_WINDOW)
    assert bridge.mapping("telemetry").counts.sessions_lost == 0
    see_end(bridge)


def test_lock_step_does_not_stall_the_bridge(plant: Plant, make_bridge: MakeBridge) -> None:
    """While Kafka stands still HiveMQ sends one batch; after that all others, each upon the last.

    A bridge that held acknowledgements back for a fuller batch would wait for ever.
    """
    bridge = make_bridge(plant.config())
    bridge.up()
    plant.kafka.freeze()
    try:
        plant.background.run(plant.devices.publish(MESSAGES))
        plant.background.run(plant.devices.settled())
        assert 0 < bridge.mapping("telemetry").counts.received <= HIVEMQ_WINDOW
    finally:
        plant.kafka.thaw()
    plant.complete()
    plant.inward.check(duplicates_at_most=0)
    await_counts(bridge, "telemetry", received=MESSAGES, forwarded=MESSAGES, redelivered=0)
    see_end(bridge)


def test_a_window_of_five_is_never_exceeded(
    make_hivemq: MakeHiveMQ,
    kafka: KafkaCluster,
    background: Background,
    unique: str,
    make_bridge: MakeBridge,
) -> None:
    """HiveMQ throws out (0x93) who exceeds it: the bridge stays connected."""
    plant = Plant(unique, make_hivemq(receive_maximum=5), kafka, background)
    bridge = make_bridge(plant.config())
    bridge.up()
    plant.orders.produce(1000)
    background.run(plant.devices.publish(100))
    plant.complete()
    plant.outward.check(duplicates_at_most=0)
    assert connections(bridge, "commands") == 1
    see_end(bridge)


def test_members_of_a_shared_subscription_forward_each_message_once(
    plant: Plant, make_bridge: MakeBridge
) -> None:
    """Without order, which was not asked for."""
    bridge = make_bridge(plant.config(ordering="None", sessions=3))
    bridge.up()
    assert [s.mapping for s in bridge.status().sessions] == ["telemetry"] * 3
    plant.background.run(plant.devices.publish(MESSAGES, per_second=PER_SECOND))
    plant.complete()
    assert plant.inward.missing() == []
    assert plant.inward.duplicates() == 0
    await_counts(bridge, "telemetry", received=MESSAGES, forwarded=MESSAGES)
    see_end(bridge)
