"""The bridge as tests run it: started, asked, frozen, crashed at a point, ended."""

import signal
from collections.abc import Callable
from typing import Any

from tests.support.background import Background
from tests.support.bridge import Bridge
from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_source import MqttSource
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]


def config(mosquitto: Mosquitto, kafka: KafkaCluster, topic: str) -> dict[str, Any]:
    """Return a bridge from `plant/<key>` to a Kafka topic."""
    return {
        "mqtt": {"servers": [mosquitto.url]},
        "kafka": {"bootstrapServers": kafka.bootstrap},
        "mqttToKafka": [
            {
                "name": "telemetry",
                "from": {"filter": "plant/{device}"},
                "to": {"topic": topic, "key": "{device}"},
            }
        ],
    }


def test_a_bridge_tells_its_state_and_ends_cleanly(
    make_bridge: MakeBridge,
    mosquitto: Mosquitto,
    kafka: KafkaCluster,
    unique: str,
    background: Background,
) -> None:
    """Status, metrics and log are what the tests read."""
    kafka.admin.create_topic(unique, 3)
    bridge = make_bridge(config(mosquitto, kafka, unique))
    bridge.up()
    ledger = Ledger()
    source = background.enter(MqttSource(mosquitto.url, "plant/{key}", ledger))
    background.run(source.publish(500))
    background.run(source.settled())
    with KafkaSink(kafka.bootstrap, unique, ledger) as sink:
        sink.read_until_complete(20)
    ledger.check()
    bridge.await_status(
        lambda s: s.mappings[0].counts.forwarded == 500, 10, what="all counted as forwarded"
    )
    assert bridge.mapping("telemetry").mqtt.connected
    assert bridge.session("telemetry").client_id.startswith(f"local.{unique}.telemetry.")
    assert bridge.metrics().total("mqttkafka_messages_total", outcome="forwarded") == 500
    assert bridge.rss_bytes > 0
    assert bridge.terminate() == 0


def test_a_crashing_bridge_dies_at_its_point_and_another_one_goes_on(
    make_bridge: MakeBridge,
    mosquitto: Mosquitto,
    kafka: KafkaCluster,
    unique: str,
    background: Background,
) -> None:
    """No clean-up runs: it is a kill -9 between the write and the acknowledgement."""
    kafka.admin.create_topic(unique, 3)
    settings = config(mosquitto, kafka, unique)
    crashing = make_bridge(settings, crash_at="after_produce_before_puback", hit=3)
    crashing.up()
    ledger = Ledger()
    source = background.enter(MqttSource(mosquitto.url, "plant/{key}", ledger))
    flow = background.begin(source.publish(500, per_second=500))
    eventually(lambda: not crashing.running, 20, what="the bridge has crashed")
    assert crashing.exit_code == -signal.SIGKILL
    make_bridge(settings).up()
    flow.result(30)
    background.run(source.settled())
    with KafkaSink(kafka.bootstrap, unique, ledger) as sink:
        sink.read_until_complete(20)
    ledger.check(duplicates_at_most=8192)
