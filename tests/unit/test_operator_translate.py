"""From a resource to the configuration of the bridge."""

from typing import Any

import pytest

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_operator.api import MqttKafkaBridgeSpec
from mqtt_kafka_operator.translate import SecretReference, translate
from mqtt_kafka_operator.translate.configuration import OPERATORS_OWN
from tests.support.bridges import FULL, MINIMAL, OUTBOUND, bridge, fields, full_bridge, given

SECRETS = "/etc/mqtt-kafka-bridge/secrets"
NOT_OF_THE_API = {
    ("version",),
    ("name",),
    ("namespace",),
    ("generation",),
    ("pod",),  # the host's name, which is the pod's
    ("http",),
    ("http", "host"),
    ("http", "port"),
    ("log", "format"),
    ("mqttToKafka", "resumeToken"),
}
"""Of the configuration: what users don't set, or set elsewhere."""
ONE_VALUE = {
    ("mqttToKafka", "to", "partitioning"),
    ("mqttToKafka", "to", "partitioning", "strategy"),
    ("kafka", "coordination", "type"),
}
"""What has no other value than its default, or none beside what else is set there."""


def expected_of_full() -> dict[str, Any]:
    """Return the configuration that FULL asks for, line by line."""
    return {
        "version": 1,
        "name": "plant",
        "namespace": "factory",
        "generation": 7,
        "pod": None,
        "mqtt": {
            "servers": ["mqtts://broker-0:8883", "mqtts://broker-1:8883"],
            "clientIdPrefix": "plant-eu",
            "authentication": {
                "type": "password",
                "username": "plant",
                "passwordFile": f"{SECRETS}/plant-mqtt/password",
            },
            "tls": {
                "trustedCertificateFiles": [
                    f"{SECRETS}/authorities/old.crt",
                    f"{SECRETS}/authorities/new.crt",
                ],
                "serverName": "broker.example",
            },
            "sessionExpiry": "48h",
            "receiveMaximum": 1024,
            "keepAlive": "15s",
            "maximumPacketSize": 65536,
        },
        "kafka": {
            "bootstrapServers": ["kafka-0:9093", "kafka-1:9093"],
            "authentication": {
                "type": "scram-sha-512",
                "username": "plant",
                "passwordFile": f"{SECRETS}/plant-kafka/password",
            },
            "tls": {
                "trustedCertificateFiles": [f"{SECRETS}/kafka.authority/ca.crt"],
                "serverName": "kafka.example",
            },
            "producer": {"compression": "lz4", "maxRequestBytes": 2_097_152},
            "consumer": {"groupPrefix": "plant-groups", "isolation": "ReadUncommitted"},
            "coordination": {
                "type": "Kafka",
                "topic": "plant.sessions",
                "replicationFactor": 2,
                "create": False,
            },
        },
        "mqttToKafka": [
            {
                "name": "telemetry",
                "from": {"filter": "plant/{line}/{device}/telemetry", "qos": 0, "retained": "Skip"},
                "to": {
                    "topic": "plant.{line}",
                    "key": "{device}",
                    "partitioning": {"strategy": "ByKey"},
                    "headers": {"line": "{line}"},
                    "emptyPayload": "Tombstone",
                },
                "ordering": "None",
                "sessions": 4,
                "onError": "Stop",
                "resumeToken": "2026-11-24",
            }
        ],
        "kafkaToMqtt": [
            {
                "name": "commands",
                "from": {"topics": ["plant.commands"], "startFrom": "Earliest"},
                "to": {
                    "topic": "plant/{key}/command",
                    "qos": 0,
                    "retain": "FromHeader",
                    "expiry": "1h",
                    "tombstone": "Publish",
                },
                "onError": "Drop",
            }
        ],
        "deadLetter": {"topic": "plant.dead-letters"},
        "loopGuard": False,
        "limits": {"bytesInFlight": 67_108_864, "drain": "45s"},
        "http": {"host": "0.0.0.0", "port": 8080},  # noqa: S104 - as the contract has it
        "log": {"level": "debug", "format": "json"},
    }


def test_every_line_of_the_configuration_is_what_the_resource_says() -> None:
    config = translate(full_bridge()).config

    assert config.model_dump(mode="json") == expected_of_full()


def test_the_resource_with_every_field_leaves_no_field_of_the_api_out() -> None:
    inside = {  # as Kubernetes has them, or keys of the user's own
        at for at in given(FULL) if at not in set(fields(MqttKafkaBridgeSpec))
    }

    assert set(fields(MqttKafkaBridgeSpec)) - set(given(FULL)) == set()
    assert all(set(at) & {"headers", "template"} for at in inside)


def test_no_field_of_the_configuration_is_forgotten() -> None:
    """A field that comes to the contract comes to the API, or to the list of what does not."""
    written = translate(full_bridge()).config.model_dump(mode="json", exclude_defaults=True)

    assert set(fields(BridgeConfig)) - set(given(written)) == {
        *(at for at in NOT_OF_THE_API if at[0] in {"pod", "http", "log"}),
        *ONE_VALUE,
    }


def test_no_field_of_the_api_that_the_operator_does_not_keep_is_unknown_to_the_bridge() -> None:
    told = {at for at in fields(MqttKafkaBridgeSpec) if at[0] not in OPERATORS_OWN}
    renamed = {at for at in told if {"passwordSecret", "trustedCertificates"} & set(at)}

    assert told - renamed - set(fields(BridgeConfig)) == set()


def test_what_is_left_out_is_left_to_the_bridge() -> None:
    config = translate(bridge()).config

    assert config == BridgeConfig.model_validate(
        {"version": 1, "name": "plant", "namespace": "factory", **MINIMAL}
    )


def test_one_pod_alone_needs_no_coordination() -> None:
    kafka = {**MINIMAL["kafka"], "coordination": {"type": "None"}}

    assert translate(bridge(kafka=kafka)).config.kafka.coordination.type == "None"


def test_tls_with_the_authorities_of_the_image_stays_tls() -> None:
    kafka = {**MINIMAL["kafka"], "tls": {}}
    config = translate(bridge(kafka=kafka)).config

    assert config.kafka.tls is not None
    assert config.kafka.tls.trusted_certificate_files == []


def test_a_bridge_without_mappings_is_sound() -> None:
    spec = {"mqtt": MINIMAL["mqtt"], "kafka": MINIMAL["kafka"]}

    assert translate(bridge(spec)).config.mqtt_to_kafka == []


def test_every_reference_to_a_secret_is_listed_with_its_place() -> None:
    translation = translate(full_bridge())

    assert [(it.secret, it.key, it.path) for it in translation.secrets] == [
        ("plant-mqtt", "password", "spec.mqtt.authentication.passwordSecret"),
        ("authorities", "old.crt", "spec.mqtt.tls.trustedCertificates[0]"),
        ("authorities", "new.crt", "spec.mqtt.tls.trustedCertificates[1]"),
        ("plant-kafka", "password", "spec.kafka.authentication.passwordSecret"),
        ("kafka.authority", "ca.crt", "spec.kafka.tls.trustedCertificates[0]"),
    ]
    assert isinstance(translation.secrets[0], SecretReference)


def test_the_keys_of_a_secret_are_needed_once_each() -> None:
    one = {"secretName": "both", "key": "password"}
    end = {"username": "u", "passwordSecret": one}
    translation = translate(
        bridge(
            mqtt={**MINIMAL["mqtt"], "authentication": {"type": "password", **end}},
            kafka={**MINIMAL["kafka"], "authentication": {"type": "plain", **end}},
        )
    )

    assert translation.secret_keys == {"both": ("password",)}
    assert len(translation.secrets) == 2
    assert translate(full_bridge()).secret_keys["authorities"] == ("new.crt", "old.crt")


@pytest.mark.parametrize("ignored", sorted(OPERATORS_OWN - {"observability"}))
def test_how_pods_are_made_is_no_affair_of_theirs(ignored: str) -> None:
    spec = {**FULL, "template": {}}
    changed = {key: value for key, value in spec.items() if key != ignored}

    assert translate(bridge(spec)).config == translate(bridge(changed)).config


def test_a_resume_token_reaches_its_mapping_only() -> None:
    made = bridge(
        kafkaToMqtt=[OUTBOUND], annotations={"mqttkafka.dev/resume": "telemetry=a, commands=b"}
    )

    assert translate(made).config.mqtt_to_kafka[0].resume_token == "a"  # noqa: S105 - no secret
