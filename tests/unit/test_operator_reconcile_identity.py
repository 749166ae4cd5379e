"""Which edits would make another bridge of it."""

from typing import Any

import pytest

from mqtt_kafka_operator import names
from mqtt_kafka_operator.reconcile.identity import identity_mistakes
from mqtt_kafka_operator.translate import Running, translate
from tests.support.bridges import MINIMAL, OUTBOUND, bridge

ALONE = {"coordination": {"type": "None"}}
ONLY_OUTBOUND = {"mqttToKafka": [], "kafkaToMqtt": [OUTBOUND]}
NOTHING: dict[str, Any] = {"mqttToKafka": []}


def mqtt(**changes: object) -> dict[str, Any]:
    """Return changes of the MQTT side."""
    return {"mqtt": {**MINIMAL["mqtt"], **changes}}


def kafka(**changes: object) -> dict[str, Any]:
    """Return changes of the Kafka side."""
    return {"kafka": {**MINIMAL["kafka"], **changes}}


def changed(
    before: dict[str, Any], now: dict[str, Any], annotations: dict[str, str] | None = None
) -> list[str]:
    """Return the fields that a second edit is refused for."""
    ran = translate(bridge(**before))
    running = Running(ran.config.generation, ran.config_hash)
    edited = bridge(generation=2, annotations=annotations, **now)
    config_map = {"data": {names.CONFIG_KEY: ran.file}}
    translation = translate(edited, running)
    return [it.path for it in identity_mistakes(edited, translation, config_map, running)]


@pytest.mark.parametrize(
    ("now", "field"),
    [
        (mqtt(servers=["mqtt://other:1883"]), "spec.mqtt.servers"),
        (mqtt(clientIdPrefix="plant-us"), "spec.mqtt.clientIdPrefix"),
        (kafka(bootstrapServers=["other:9092"]), "spec.kafka.bootstrapServers"),
        (kafka(consumer={"groupPrefix": "plant"}), "spec.kafka.consumer.groupPrefix"),
        (kafka(coordination={"topic": "other"}), "spec.kafka.coordination"),
        (kafka(**ALONE), "spec.kafka.coordination"),
    ],
)
def test_an_edit_to_another_identity_is_refused(now: dict[str, Any], field: str) -> None:
    assert changed({}, now) == [field]


@pytest.mark.parametrize(
    "now",
    [
        {},
        {"replicas": 3, "paused": True},
        {"mqttToKafka": []},
        mqtt(servers=["mqtt://broker:1884", "mqtt://broker-2:1883"]),
        mqtt(servers=["mqtts://broker:8883"]),
        mqtt(clientIdPrefix="factory.plant"),
        kafka(bootstrapServers=["kafka-2:9092", "kafka:9093"]),
        kafka(coordination={"topic": "mqttkafka.factory.plant.sessions"}),
    ],
)
def test_what_stays_the_same_bridge_is_let_through(now: dict[str, Any]) -> None:
    """TLS, further nodes, defaults that are spelled out."""
    assert changed({}, now) == []


def test_a_bridge_without_mappings_has_nothing_to_lose() -> None:
    assert changed(NOTHING, mqtt(servers=["mqtt://other:1883"])) == []
    assert changed(NOTHING, kafka(bootstrapServers=["other:9092"])) == []


def test_the_broker_of_mappings_from_kafka_may_change_but_not_their_kafka() -> None:
    """What they have published is the broker's; how far they have come is Kafka's."""
    assert changed(ONLY_OUTBOUND, {**ONLY_OUTBOUND, **mqtt(servers=["mqtt://other:1883"])}) == []
    other = {**ONLY_OUTBOUND, **kafka(bootstrapServers=["other:9092"])}
    assert changed(ONLY_OUTBOUND, other) == ["spec.kafka.bootstrapServers"]


def test_sessions_that_are_not_coordinated_may_write_to_another_kafka() -> None:
    assert changed(kafka(**ALONE), kafka(**ALONE, bootstrapServers=["other:9092"])) == []


def test_the_annotation_lets_the_edit_of_its_generation_through_and_no_other() -> None:
    edit = mqtt(servers=["mqtt://other:1883"])

    assert changed({}, edit, {names.ALLOW_IDENTITY_CHANGE: "2"}) == []
    assert changed({}, edit, {names.ALLOW_IDENTITY_CHANGE: "1"}) == ["spec.mqtt.servers"]


def test_the_cure_names_the_annotation_with_its_value() -> None:
    ran = translate(bridge())
    edited = bridge(generation=7, **mqtt(servers=["mqtt://other:1883"]))
    config_map = {"data": {names.CONFIG_KEY: ran.file}}

    (mistake,) = identity_mistakes(edited, translate(edited), config_map, None)

    assert 'mqttkafka.dev/allow-identity-change: "7"' in mistake.cure


def test_a_bridge_that_never_ran_has_no_identity() -> None:
    edited = bridge(**mqtt(servers=["mqtt://other:1883"]))

    assert identity_mistakes(edited, translate(edited), None, None) == []


@pytest.mark.parametrize("text", ["", "{", '{"version": 99}', '{"version": 1}'])
def test_a_file_that_can_not_be_read_is_not_compared(text: str) -> None:
    """It is of another version of the operator, or somebody wrote into it."""
    edited = bridge(**mqtt(servers=["mqtt://other:1883"]))

    assert (
        identity_mistakes(edited, translate(edited), {"data": {names.CONFIG_KEY: text}}, None) == []
    )


def test_what_is_written_into_the_config_map_by_hand_is_no_edit() -> None:
    """It is written over, and not taken for what ran."""
    ran = translate(bridge())
    by_hand = translate(bridge(**mqtt(servers=["mqtt://other:1883"]))).file
    running = Running(ran.config.generation, ran.config_hash)

    assert identity_mistakes(bridge(), ran, {"data": {names.CONFIG_KEY: by_hand}}, running) == []
