"""The models of the contract: defaults, durations, addresses, and what belongs together."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mqtt_kafka_bridge.contract.base import format_duration, parse_duration
from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.connection import Coordination, Kafka, Mqtt
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt

MINIMAL: dict[str, Any] = {
    "version": 1,
    "name": "plant",
    "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
    "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("500ms", 0.5), ("1h30m", 5400), ("24h", 86400), ("0s", 0), ("1m1s1ms", 61.001)],
)
def test_a_duration_is_read_as_kubernetes_writes_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [30, "30", "1d", "", "-1s", "1.5h", "1h ", None])
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no duration; write a number and a unit"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("seconds", "text"), [(7200, "2h"), (90, "90s"), (120, "2m"), (0.25, "250ms"), (0, "0s")]
)
def test_a_duration_is_written_in_the_largest_unit_that_keeps_it_whole(
    seconds: float, text: str
) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


def test_two_addresses_are_enough() -> None:
    config = BridgeConfig.model_validate(MINIMAL)
    assert config.identity == "local/plant"
    assert config.client_id_prefix == config.group_prefix == "local.plant"
    assert config.dead_letter_topic == "mqttkafka.local.plant.dead-letters"
    assert BridgeConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    "server",
    ["mqtt://host", "mqtts://host:8883", "mqtt://[::1]", "mqtt://[::1]:1", "mqtt://h_1.x:65535"],
)
def test_an_mqtt_server_is_a_url(server: str) -> None:
    assert Mqtt.model_validate({"servers": [server]}).servers == [server]


@pytest.mark.parametrize(
    "server", ["host", "host:1883", "tcp://h:1", "mqtt://", "mqtt://u@h", "mqtt://h/p", "mqtt://h:0",
               "mqtt://h:65536", "mqtt://h:1 "],
)  # fmt: skip
def test_what_is_no_mqtt_server_is_refused(server: str) -> None:
    with pytest.raises(ValidationError):
        Mqtt.model_validate({"servers": [server]})


@pytest.mark.parametrize("server", ["h", "kafka://h:9092", "h:0", "h:70000", "::1:9092"])
def test_what_is_no_kafka_server_is_refused(server: str) -> None:
    with pytest.raises(ValidationError):
        Kafka.model_validate({"bootstrapServers": [server]})


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"servers": ["mqtt://a", "mqtts://b"]}, "mixes"),
        ({"tls": {}}, "write mqtts://"),
        ({"keepAlive": "0s"}, "whole seconds"),
        ({"keepAlive": "1500ms"}, "whole seconds"),
        ({"keepAlive": "19h"}, "whole seconds"),
        ({"sessionExpiry": "0s"}, "write 1s or more"),
        ({"sessionExpiry": "9999999h"}, "longer than MQTT can say"),
    ],
)
def test_settings_that_mqtt_can_not_say_are_refused(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Mqtt.model_validate({"servers": ["mqtt://a"]} | more)


@pytest.mark.parametrize("expiry", ["0s", "999ms", "9999999h"])
def test_an_expiry_that_mqtt_can_not_say_is_refused(expiry: str) -> None:
    with pytest.raises(ValidationError, match="write 1s or more"):
        KafkaToMqtt.model_validate(
            {"name": "a", "from": {"topics": ["a"]}, "to": {"topic": "a", "expiry": expiry}}
        )


@pytest.mark.parametrize("topic", ["", ".", "..", "a b", "ä", "a" * 250])
def test_what_is_no_kafka_topic_is_refused(topic: str) -> None:
    with pytest.raises(ValidationError):
        BridgeConfig.model_validate(MINIMAL | {"deadLetter": {"topic": topic}})


def test_pods_coordinate_by_kafka_unless_told_otherwise() -> None:
    config = BridgeConfig.model_validate(MINIMAL)
    assert config.kafka.coordination.type == "Kafka"
    assert config.kafka.coordination.create
    assert config.coordination_topic == "mqttkafka.local.plant.sessions"
    assert config.sessions_group == "local.plant._sessions"


def test_the_coordination_topic_and_its_group_follow_the_configuration() -> None:
    kafka = MINIMAL["kafka"] | {
        "coordination": {"topic": "here"},
        "consumer": {"groupPrefix": "eu"},
    }
    config = BridgeConfig.model_validate(MINIMAL | {"kafka": kafka})
    assert (config.coordination_topic, config.sessions_group) == ("here", "eu._sessions")


@pytest.mark.parametrize("factor", [0, 2**15])
def test_a_replication_factor_is_one_that_kafka_can_say(factor: int) -> None:
    with pytest.raises(ValidationError):
        Coordination.model_validate({"replicationFactor": factor})


@pytest.mark.parametrize(
    ("more", "given"),
    [
        ({"topic": "a"}, "topic"),
        ({"replicationFactor": 3}, "replicationFactor"),
        ({"create": True}, "create"),
        ({"create": False}, "create"),
        ({"topic": "a", "create": False}, "topic and create"),
    ],
)
def test_a_pod_alone_has_no_coordination_topic(more: dict[str, Any], given: str) -> None:
    with pytest.raises(ValidationError, match=f"has {given}, which type None does not use"):
        Coordination.model_validate({"type": "None"} | more)
    assert Coordination.model_validate(more)


@pytest.mark.parametrize("written", [{}, {"type": "None"}, {"topic": "a", "create": False}])
def test_what_coordination_is_written_as_can_be_read_again(written: dict[str, Any]) -> None:
    coordination = Coordination.model_validate(written)
    assert Coordination.model_validate_json(coordination.model_dump_json()) == coordination
