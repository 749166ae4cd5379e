"""Every mistake that the contract finds, told by its field in the resource."""

from collections.abc import Mapping
from typing import Any

import pytest

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.mistakes import Location, Mistake
from mqtt_kafka_operator.api import MqttKafkaBridgeSpec
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.errors import SpecError
from mqtt_kafka_operator.translate import translate
from mqtt_kafka_operator.translate.places import in_the_resource
from tests.support.bridges import FULL, MINIMAL, OUTBOUND, bridge, fields, mapping, resource

RESUME = "metadata.annotations.mqttkafka.dev/resume"
KAFKA: dict[str, Any] = MINIMAL["kafka"]


def said(made: Bridge) -> list[str]:
    """Return what is wrong with a bridge."""
    with pytest.raises(SpecError) as caught:
        translate(made)
    return [f"{it.path}: {it.message}; {it.cure}" for it in caught.value.mistakes]


def inbound(**to: object) -> dict[str, Any]:
    """Return a spec whose mapping from MQTT has this target."""
    return {"mqttToKafka": [mapping(to={"topic": "plant.telemetry", **to})]}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"mqttToKafka": [mapping(**{"from": {"filter": "a/#/b"}})]}, "from.filter"),
        (inbound(topic="plant telemetry"), "to.topic"),
        (inbound(key="{devise}"), "to.key"),
        (inbound(headers={"passwordFile": "{x}"}), "to.headers.passwordFile"),
        (inbound(headers={"mqtt.topic": "{mqtt.topic}"}), "to.headers.mqtt.topic"),
        ({"mqttToKafka": [mapping(sessions=3)]}, "sessions"),
        (
            {
                "mqttToKafka": [
                    mapping(
                        ordering="None",
                        **{"from": {"filter": "a/+", "retained": "Only"}},
                    )
                ]
            },
            "from.retained",
        ),
        (inbound(topic="mqttkafka.factory.plant.dead-letters"), "to.topic"),
        (inbound(topic="mqttkafka.factory.plant.sessions"), "to.topic"),
    ],
)
def test_a_mistake_in_a_mapping_from_mqtt_names_its_field(
    changes: Mapping[str, Any], path: str
) -> None:
    (found,) = said(bridge(**changes))

    assert found.startswith(f"spec.mqttToKafka[0].{path}: ")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"to": {"topic": "plant/+"}}, "to.topic"),
        ({"name": "telemetry"}, "name"),
        ({"from": {"topics": ["mqttkafka.factory.plant.dead-letters"]}}, "from.topics"),
        ({"from": {"topics": ["mqttkafka.factory.plant.sessions"]}}, "from.topics"),
    ],
)
def test_a_mistake_in_a_mapping_from_kafka_names_its_field(
    changes: Mapping[str, Any], path: str
) -> None:
    (found,) = said(bridge(kafkaToMqtt=[{**OUTBOUND, **changes}]))

    assert found.startswith(f"spec.kafkaToMqtt[0].{path}: ")


def test_mappings_that_feed_each_other_are_found_without_the_loop_guard() -> None:
    back = {
        "name": "back",
        "from": {"topics": ["plant.telemetry"]},
        "to": {"topic": "plant/{key}/telemetry"},
    }

    (found,) = said(bridge(kafkaToMqtt=[back], loopGuard=False))

    assert found.startswith("spec.kafkaToMqtt[0].from.topics: ")
    assert found.endswith("set loopGuard: true, or make filter and topics not meet")


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        (
            {"kafka": {**KAFKA, "coordination": {"type": "None", "create": True}}},
            "spec.kafka.coordination: has create",
        ),
        (
            {
                "kafka": {**KAFKA, "coordination": {"topic": "sessions"}},
                "deadLetter": {"topic": "sessions"},
            },
            "spec.deadLetter.topic: is the coordination topic",
        ),
        (
            {"mqtt": {"servers": ["mqtt://a", "mqtts://b"]}},
            "spec.mqtt: mixes mqtt:// and mqtts://",
        ),
    ],
)
def test_a_mistake_in_an_end_names_its_field(changes: Mapping[str, Any], start: str) -> None:
    (found,) = said(bridge(**changes))

    assert found.startswith(start)


def test_a_name_that_no_bridge_can_have_is_told_as_the_name_of_the_resource() -> None:
    assert said(bridge(name="plant.eu")) == [
        (
            'metadata.name: is "plant.eu"; '
            "write lower-case letters, digits and '-', with no '-' at either end"
        )
    ]


def test_all_mistakes_are_told_at_once() -> None:
    found = said(
        bridge(
            mqttToKafka=[mapping(sessions=2), mapping(to={"topic": "a b"}, name="other")],
            annotations={"mqttkafka.dev/resume": "nobody=1"},
        )
    )

    assert [one.split(":")[0] for one in found] == [
        "spec.mqttToKafka[0].sessions",
        "spec.mqttToKafka[1].to.topic",
        RESUME,
    ]


@pytest.mark.parametrize(
    ("annotation", "sentence"),
    [
        (
            "telemetri=1",
            "names 'telemetri', which is no mapping; did you mean telemetry? there is telemetry",
        ),
        ("pressure=1", "names 'pressure', which is no mapping; there is telemetry"),
        (
            "telemetry",
            (
                "has 'telemetry', which is no mapping with a token; "
                "write <mapping>=<any new word>, several with a comma between them"
            ),
        ),
        (
            "telemetry=1,",
            (
                "has '', which is no mapping with a token; "
                "write <mapping>=<any new word>, several with a comma between them"
            ),
        ),
        ("telemetry=1,telemetry=2", "names 'telemetry' twice; keep one of the two"),
        (
            "telemetry=to morrow",
            (
                "has the token 'to morrow' for 'telemetry'; "
                "write letters, digits and any of . _ : + -, 1 to 64 of them"
            ),
        ),
    ],
)
def test_a_mistake_in_the_resume_annotation_is_told_with_its_cure(
    annotation: str, sentence: str
) -> None:
    assert said(bridge(annotations={"mqttkafka.dev/resume": annotation})) == [
        f"{RESUME}: {sentence}"
    ]


def test_without_mappings_there_is_nothing_to_resume() -> None:
    made = bridge(mqttToKafka=[], annotations={"mqttkafka.dev/resume": "telemetry=1"})

    assert said(made) == [
        f"{RESUME}: names 'telemetry', which is no mapping; remove the annotation"
    ]


def test_pods_get_time_for_a_clean_stop() -> None:
    template = {"spec": {"terminationGracePeriodSeconds": 29}}

    assert said(bridge(template=template)) == [
        (
            "spec.template.spec.terminationGracePeriodSeconds: is 29, and a clean stop may take "
            "20s (limits.drain) and 10s; write 30 or more, or lower limits.drain"
        )
    ]


@pytest.mark.parametrize(
    ("at", "path"),
    [
        (("mqtt", "authentication", "passwordFile"), "mqtt.authentication.passwordSecret"),
        (("kafka", "authentication", "passwordFile"), "kafka.authentication.passwordSecret"),
        (("mqtt", "tls", "trustedCertificateFiles", 1), "mqtt.tls.trustedCertificates[1]"),
        (("kafka", "tls", "trustedCertificateFiles", 0), "kafka.tls.trustedCertificates[0]"),
        (("log", "level"), "observability.logLevel"),
        (("limits", "drain"), "limits.drain"),
    ],
)
def test_what_the_contract_calls_otherwise_is_found_in_the_spec(at: Location, path: str) -> None:
    assert in_the_resource(Mistake(at, "", "")).path == f"spec.{path}"


@pytest.mark.parametrize("key", ["name", "namespace", "generation"])
def test_who_the_bridge_is_stands_in_the_metadata(key: str) -> None:
    assert in_the_resource(Mistake((key,), "", "")).path == f"metadata.{key}"


def test_a_token_stands_in_the_annotation() -> None:
    assert in_the_resource(Mistake(("mqttToKafka", 2, "resumeToken"), "", "")).path == RESUME


def test_a_mistake_of_the_whole_file_is_one_of_the_spec() -> None:
    assert in_the_resource(Mistake((), "", "")).path == "spec"


def test_every_field_of_the_configuration_has_a_place_in_the_resource() -> None:
    """But for those that the operator sets, in which users can't make a mistake."""
    known = {("spec", *at) for at in fields(MqttKafkaBridgeSpec)}
    places = {at: in_the_resource(Mistake(at, "", "")).at for at in fields(BridgeConfig)}
    lost = {at for at, place in places.items() if place[0] == "spec" and place not in known}

    assert {at[0] for at in lost} == {"version", "pod", "http", "log", "mqttToKafka"}
    assert {at for at in lost if at[0] in {"log", "mqttToKafka"}} == {
        ("log",),
        ("log", "format"),
        ("mqttToKafka", "resumeToken"),  # with its place in the list it is the annotation
    }


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"kafka": KAFKA}, "spec.mqtt: is missing; add it"),
        ({**MINIMAL, "replicas": "two"}, 'spec.replicas: is "two"; input should be a valid'),
        (
            {**MINIMAL, "mqtt": {"servers": ["http://x"]}},
            "spec.mqtt.servers[0]: is 'http://x'; write mqtt://host:1883",
        ),
        (
            {**MINIMAL, "mqttToKafka": [mapping(to={"topic": "t", "headers": {"": "x"}})]},
            'spec.mqttToKafka[0].to.headers.: is ""; string should have at least 1 character',
        ),
    ],
)
def test_a_spec_that_an_older_crd_let_through_is_told_field_by_field(
    spec: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(SpecError) as caught:
        Bridge.read(resource(spec))

    (found,) = caught.value.mistakes
    assert f"{found.path}: {found.message}; {found.cure}".startswith(sentence)


def test_a_resource_without_annotations_has_none() -> None:
    assert Bridge.read(resource(FULL)).annotations == {}
