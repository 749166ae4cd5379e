"""The end of a bridge: softly, at its deadline, or hard; each with its exit code."""

import signal

from mqtt_kafka_bridge.contract.status import MappingState
from tests.support.bridge import Bridge
from tests.support.broker_script import Script, ScriptedBroker
from tests.support.kafka_sink import KafkaSink
from tests.support.kafka_source import KafkaSource
from tests.support.ledger import Ledger
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts, check_no_crash
from tests.support.scenario_config import inbound, outbound, split
from tests.support.waiting import eventually


def test_a_stop_under_load_loses_and_repeats_nothing_from_mqtt_to_kafka(lab: Lab) -> None:
    topic = lab.topic(partitions=3)
    bridge = lab.run(inbound("telemetry", "plant/{device}", topic, key="{device}"))
    ledger, background = Ledger(), lab.background
    source = background.enter(MqttSource(lab.broker.url, "plant/{key}", ledger, keys=30))
    ended: list[int] = []
    flow = background.begin(source.keep_publishing(3000, lambda: len(ended) == 2))
    with KafkaSink(lab.kafka.bootstrap, topic, ledger) as sink:
        for so_far in (1000, 3000):
            sink.await_records(so_far, SECONDS)
            assert bridge.terminate() == 0
            check_no_crash(bridge)
            ended.append(bridge.pid)
            bridge.up()
        flow.result(SECONDS)
        background.run(source.settled())
        sink.read_until_complete(SECONDS)
    ledger.check(duplicates_at_most=0)


def test_a_stop_under_load_loses_and_repeats_nothing_from_kafka_to_mqtt(lab: Lab) -> None:
    topic = lab.topic(partitions=3)
    ledger = Ledger()
    lab.background.enter(MqttSink(lab.broker.url, "plant/#", ledger))
    source = KafkaSource(lab.kafka.bootstrap, topic, ledger, keys=30)
    source.produce(20_000)
    bridge = lab.run(outbound("commands", topic, "plant/{key}"))
    for so_far in (1000, 5000):
        eventually(lambda least=so_far: ledger.held_count >= least, SECONDS)  # type: ignore[misc]
        assert bridge.terminate() == 0
        check_no_crash(bridge)
        bridge.up()
    source.settled()
    ledger.await_complete(SECONDS)
    ledger.check(duplicates_at_most=0)


def stuck(lab: Lab, drain: str) -> Bridge:
    """Return a bridge with a record in flight that its broker never acknowledges."""
    topic = lab.topic("commands")
    broker = lab.background.enter(ScriptedBroker(Script(puback=lambda _: None)))
    bridge = lab.bridge(
        {
            "mqtt": {"servers": [broker.url]},
            "limits": {"drain": drain},
            **split(outbound("commands", topic, "plant/{key}")),
        }
    )
    bridge.up()
    lab.produce(topic)
    await_counts(bridge, "commands", in_flight=1)
    bridge.send(signal.SIGTERM)
    draining = bridge.await_status(
        lambda s: s.mappings[0].state is MappingState.DRAINING, SECONDS, what="it drains"
    )
    assert draining.stopping
    assert not draining.ready
    return bridge


def test_a_drain_that_takes_too_long_is_given_up_with_exit_code_3(lab: Lab) -> None:
    bridge = stuck(lab, "1s")
    assert bridge.wait(SECONDS) == 3
    check_no_crash(bridge)
    assert bridge.log_lines()[-1]["labels.exit_code"] == 3


def test_a_second_signal_stops_it_at_once(lab: Lab) -> None:
    bridge = stuck(lab, "1h")
    bridge.send(signal.SIGTERM)
    assert bridge.wait(SECONDS) == 3
    check_no_crash(bridge)


def test_it_stops_cleanly_while_neither_side_can_be_reached(lab: Lab) -> None:
    """Nothing is in hand, so there is nothing to wait for."""
    unused = {"mqtt": {"servers": ["mqtt://127.0.0.1:1"]}}
    bridge = lab.bridge(
        {
            **unused,
            "kafka": {"bootstrapServers": ["127.0.0.1:1"]},
            **split(inbound("up", "up/#", "up"), outbound("down", "down", "down/{key}")),
        }
    )
    bridge.up(ready=False)
    bridge.await_status(lambda s: all(m.mqtt.trouble for m in s.mappings), SECONDS, what="down")
    assert bridge.terminate(within_seconds=5) == 0
    check_no_crash(bridge)
