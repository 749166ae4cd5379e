"""The CRD as a whole: its names, its promises to tools, and that all of it is bounded."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqtt_kafka_operator.api.rules import VALIDATIONS
from mqtt_kafka_operator.api.spec import API_VERSION, KIND
from mqtt_kafka_operator.crd import custom_resource_definition
from tests.support.cel_rules import rules
from tests.support.refused import invalid_resources
from tools.crd_files import CHART_FILE, CRD_FILE, chart_template, crd_files

ROOT = Path(__file__).parents[2]
CRD = custom_resource_definition()
VERSION = CRD["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
KEYWORDS = {
    "additionalProperties", "anyOf", "default", "description", "enum", "format", "items",
    "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minimum",
    "pattern", "properties", "required", "type", "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys", "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations",
}  # fmt: skip


def schemas(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from schemas(field, f"{path}.{name}")
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if inner is not None:
            yield from schemas(inner, f"{path}[]")


ALL = [
    *schemas(SCHEMA["properties"]["spec"], "spec"),
    *schemas(SCHEMA["properties"]["status"], "status"),
]


def test_the_resource_has_the_names_that_people_type() -> None:
    assert CRD["metadata"]["name"] == "mqttkafkabridges.mqttkafka.dev"
    assert CRD["spec"]["scope"] == "Namespaced"
    assert CRD["spec"]["names"] == {
        "kind": "MqttKafkaBridge",
        "listKind": "MqttKafkaBridgeList",
        "plural": "mqttkafkabridges",
        "singular": "mqttkafkabridge",
        "shortNames": ["mkb"],
        "categories": ["mqttkafka"],
    }
    assert (VERSION["name"], VERSION["served"], VERSION["storage"]) == ("v1alpha1", True, True)


def test_autoscalers_find_their_three_fields() -> None:
    """`GET /scale` fails where `spec.replicas` has no value: hence the one default."""
    scale = VERSION["subresources"]["scale"]
    for path in scale.values():
        field = SCHEMA
        for name in path.split(".")[1:]:
            field = field["properties"][name]
    assert VERSION["subresources"]["status"] == {}
    assert [path for path, schema in ALL if "default" in schema] == ["spec.replicas"]
    assert SCHEMA["properties"]["spec"]["properties"]["replicas"]["default"] == 1


def test_kubectl_get_shows_what_matters_and_more_when_asked() -> None:
    columns = VERSION["additionalPrinterColumns"]
    assert [c["name"] for c in columns if "priority" not in c] == [
        "Ready", "Replicas", "MQTT", "Kafka", "Reason", "Age",
    ]  # fmt: skip
    assert [c["name"] for c in columns if c.get("priority") == 1] == [
        "Desired", "Sessions", "Risk", "Message",
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "schema"), ALL, ids=[path for path, _ in ALL])
def test_nothing_is_there_that_an_api_server_would_drop_in_silence(
    path: str, schema: dict[str, Any]
) -> None:
    assert schema.keys() <= KEYWORDS
    assert "type" in schema or schema.get("x-kubernetes-int-or-string") is True
    assert set(schema.get("required", ())) <= schema.get("properties", {}).keys()
    assert path.endswith("[]") or schema["description"]


@pytest.mark.parametrize(("path", "schema"), ALL, ids=[path for path, _ in ALL])
def test_every_size_has_a_bound(path: str, schema: dict[str, Any]) -> None:
    del path
    match schema.get("type", "string"):
        case "string":
            assert "maxLength" in schema or "enum" in schema or schema["format"] == "date-time"
        case "integer":
            assert "enum" in schema or schema["maximum"] <= 2**53  # more overflows in the server
        case "array":
            assert "maxItems" in schema
        case "object" if "additionalProperties" in schema:
            assert "maxProperties" in schema


def test_teams_may_own_single_mappings_by_server_side_apply() -> None:
    by_key = {
        path: schema["x-kubernetes-list-map-keys"]
        for path, schema in ALL
        if schema.get("x-kubernetes-list-type") == "map"
    }
    container = "spec.template.spec.containers[]"
    assert by_key == {
        "spec.mqttToKafka": ["name"],
        "spec.kafkaToMqtt": ["name"],
        "spec.template.spec.containers": ["name"],
        f"{container}.env": ["name"],
        f"{container}.volumeMounts": ["mountPath"],
        "spec.template.spec.volumes": ["name"],
        "spec.template.spec.topologySpreadConstraints": ["topologyKey"],
        "spec.template.spec.imagePullSecrets": ["name"],
        "status.mappings": ["name"],
        "status.conditions": ["type"],
    }


def test_a_description_names_the_default() -> None:
    texts = {path: schema.get("description", "") for path, schema in ALL}
    assert texts["spec.mqtt.sessionExpiry"].endswith(" Default: 24h.")
    assert texts["spec.loopGuard"].endswith(" Default: true.")
    assert "Default" not in texts["spec.mqtt.tls"]


def test_every_rule_names_a_cure_for_the_field_it_blames() -> None:
    for path, rule in rules(SCHEMA):
        wrong, _, cure = rule["message"].partition("; ")
        assert re.match(r"(is|has|names|mixes|stands) ", wrong), path
        assert re.match(r"(write|use|remove|leave|keep|choose|give|add|Kafka takes) ", cure), path


def test_the_committed_files_are_those_of_the_models() -> None:
    for file, text in crd_files().items():
        assert (ROOT / file).read_text() == text, file
    assert yaml.safe_load((ROOT / CRD_FILE).read_text()) == CRD


def test_nobody_has_to_follow_references_within_the_file() -> None:
    assert not re.search(r"[:-] [&*]id\d", (ROOT / CRD_FILE).read_text())


def test_the_chart_keeps_the_crd_and_escapes_what_helm_would_evaluate() -> None:
    first, *_, last = (ROOT / CHART_FILE).read_text().splitlines()
    assert first == "{{- if .Values.crd.create }}"
    assert last == "{{- end }}"
    text = chart_template({"metadata": {"name": "a"}, "spec": "{{ x }}"})
    assert """spec: '{{ "{{" }} x {{ "}}" }}'""" in text
    assert "helm.sh/resource-policy: keep" in text


def test_rules_stand_only_where_a_value_is() -> None:
    assert VALIDATIONS in SCHEMA
    assert VALIDATIONS not in SCHEMA["properties"]["status"]


def test_invalid_resources_are_of_this_kind_and_say_how_they_are_refused() -> None:
    for resource in invalid_resources():
        assert (resource.manifest["apiVersion"], resource.manifest["kind"]) == (API_VERSION, KIND)
        assert resource.refused_by in {"api", "operator"}
        assert re.match(r"(spec|metadata)\.", resource.at)
