"""What a running bridge shows: probes, status, metrics, and a log that people and machines read."""

import http.client
import json
from datetime import datetime
from typing import Any

from mqtt_kafka_bridge.contract.status import MappingState
from tests.support.bridge import Bridge
from tests.support.ledger import Ledger
from tests.support.mqtt_source import MqttSource
from tests.support.ports import free_port
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts, check_no_crash
from tests.support.scenario_config import inbound, outbound


def asked(bridge: Bridge, path: str) -> tuple[int, str]:
    """Return status code and body of a GET."""
    assert bridge.port is not None
    connection = http.client.HTTPConnection("127.0.0.1", bridge.port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_probes_status_and_metrics_tell_of_both_directions(lab: Lab) -> None:
    up, down = lab.topic("up"), lab.topic("down")
    bridge = lab.run(inbound("up", "up/#", up), outbound("down", down, "down/{key}"))
    lab.publish("up/1")
    lab.produce(down)
    lab.records(up, 1)
    await_counts(bridge, "up", forwarded=1)
    await_counts(bridge, "down", forwarded=1)
    code, alive = asked(bridge, "/livez")
    assert (code, json.loads(alive)["alive"]) == (200, True)
    code, ready = asked(bridge, "/readyz")
    assert (code, json.loads(ready)) == (200, {"ready": True, "reasons": []})
    status = bridge.status()
    assert (status.bridge, status.namespace, status.ready) == (lab.name, "local", True)
    assert [mapping.state for mapping in status.mappings] == [MappingState.FORWARDING] * 2
    metrics = bridge.metrics()
    for mapping, direction in (("up", "MqttToKafka"), ("down", "KafkaToMqtt")):
        labels = {"bridge": lab.name, "mapping": mapping, "direction": direction}
        assert metrics.total("mqttkafka_messages_total", outcome="forwarded", **labels) == 1
        assert metrics.total("mqttkafka_link_up", **labels) == 2
        assert metrics.total("mqttkafka_mapping_state", state="Forwarding", **labels) == 1
        assert metrics.total("mqttkafka_latency_seconds_count", **labels) == 1
        assert 0 <= metrics.total("mqttkafka_latency_seconds_sum", **labels) < SECONDS
    assert metrics.total("mqttkafka_ready") == 1
    assert metrics.total("process_resident_memory_bytes") > 0
    assert asked(bridge, "/nothing")[0] == 404


def test_readiness_says_which_link_keeps_it_from_being_ready(lab: Lab) -> None:
    mapping = inbound("up", "up/#", lab.topic("up"))
    bridge = lab.bridge(
        {
            "mqtt": {"servers": [f"mqtt://127.0.0.1:{free_port()}"]},
            "mqttToKafka": [mapping],
        }
    )
    bridge.up(ready=False)
    bridge.await_status(lambda s: s.mappings[0].kafka.connected, SECONDS, what="Kafka is up")
    code, body = asked(bridge, "/readyz")
    assert code == 503
    (reason,) = json.loads(body)["reasons"]
    assert (reason["mapping"], reason["link"]) == ("up", "mqtt")
    assert reason["reason"] == "MqttUnreachable"
    assert reason["cure"]
    assert asked(bridge, "/livez")[0] == 200


def test_a_bridge_without_mappings_is_ready_and_connects_to_nothing(lab: Lab) -> None:
    bridge = lab.run(
        mqtt={"servers": ["mqtt://127.0.0.1:1"]}, kafka={"bootstrapServers": ["127.0.0.1:1"]}
    )
    code, body = asked(bridge, "/readyz")
    assert code == 200
    assert [reason["reason"] for reason in json.loads(body)["reasons"]] == ["NoMappings"]
    assert bridge.terminate() == 0
    assert {line["log.level"] for line in bridge.log_lines()} == {"info"}


def test_the_log_is_one_ecs_object_a_line_and_holds_none_a_message(lab: Lab) -> None:
    topic = lab.topic()
    bridge = lab.run(inbound("up", "up/#", topic), log={"level": "debug"})
    lines = len(bridge.log.splitlines())
    ledger = Ledger()
    source = lab.background.enter(MqttSource(lab.broker.url, "up/{key}", ledger))
    lab.background.run(source.publish(5000))
    lab.background.run(source.settled())
    await_counts(bridge, "up", forwarded=5000)
    assert len(bridge.log.splitlines()) <= lines + 2
    assert bridge.terminate() == 0
    check_no_crash(bridge)
    for line in bridge.log.splitlines():
        check_ecs(json.loads(line), lab.name)


def check_ecs(line: dict[str, Any], name: str) -> None:
    """Check what every line of the log has, and that its other fields are ECS' or labels."""
    assert datetime.fromisoformat(line["@timestamp"]).tzinfo is not None
    assert line["log.level"] in {"debug", "info", "warning", "error"}
    assert line["message"]
    assert line["service.name"] == "mqtt-kafka-bridge"
    assert line["labels.bridge"] == name
    known = ("@timestamp", "message", "ecs.", "log.", "service.", "labels.", "http.", "error.")
    assert all(field.startswith(known) for field in line), line


def test_the_console_log_is_for_people(lab: Lab) -> None:
    """Its port is known beforehand: no line of JSON tells it."""
    port = free_port()
    bridge = lab.bridge(
        {
            "http": {"host": "127.0.0.1", "port": port},
            "log": {"format": "console"},
            "mqttToKafka": [inbound("up", "up/#", lab.topic("up"))],
        }
    )
    bridge.launch()

    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()

    bridge.await_condition(answers, SECONDS, what="ready")
    bridge.await_condition(lambda: "mapping forwards" in bridge.log, SECONDS, what="forwards")
    assert bridge.terminate() == 0
    assert "{" not in bridge.log
    assert "\x1b" not in bridge.log
    assert f"http://127.0.0.1:{port}" in bridge.log
