"""The CEL rules of the CRD, each broken by one resource and kept by another, without a server."""

from typing import Any

import pytest
import yaml

from mqtt_kafka_operator.crd import custom_resource_definition
from tests.support.cel_rules import Verdict, rules, verdicts
from tests.support.manifests import EXAMPLES
from tests.support.refused import InvalidResource, invalid_resources

SCHEMA = custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
RULES = [(path, rule["rule"]) for path, rule in rules(SCHEMA)]
NOT_BY_A_RULE = (
    "Unsupported value",
    "unknown field",
    "Required value",
    "Duplicate value",
    "Too long",
    "should ",
    "at least 1 chars",
    "must be of type",
)
"""What the shape of the schema refuses, in the API server's own words."""
BY_A_RULE = [
    resource
    for resource in invalid_resources("api")
    if not any(words in resource.says for words in NOT_BY_A_RULE)
]
MINIMAL: dict[str, Any] = {
    "mqtt": {"servers": ["mqtt://broker"]},
    "kafka": {"bootstrapServers": ["kafka:9092"]},
}


def manifest(**spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of the spec
    return {"metadata": {"name": "plant"}, "spec": MINIMAL | spec}


def broken(resource: dict[str, Any]) -> list[Verdict]:
    return [verdict for verdict in verdicts(SCHEMA, resource) if not verdict.holds]


@pytest.mark.parametrize("resource", BY_A_RULE, ids=lambda resource: resource.name)
def test_a_resource_that_breaks_a_rule_is_told_where_and_what_to_write(
    resource: InvalidResource,
) -> None:
    said = [(verdict.at, resource.says in verdict.message) for verdict in broken(resource.manifest)]

    assert (resource.at, True) in said


@pytest.mark.parametrize(
    "resource", list(invalid_resources("operator")), ids=lambda resource: resource.name
)
def test_what_only_the_operator_refuses_keeps_every_rule(resource: InvalidResource) -> None:
    assert broken(resource.manifest) == []


def test_every_rule_is_broken_by_a_resource() -> None:
    found = {
        (verdict.schema_path, verdict.rule)
        for resource in BY_A_RULE
        for verdict in broken(resource.manifest)
    }

    assert [rule for rule in RULES if rule not in found] == []


def test_every_rule_is_kept_by_an_example() -> None:
    kept = set()
    for name in ("minimal", "every-field", "autoscaling"):
        resource = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
        assert broken(resource) == []
        kept |= {(verdict.schema_path, verdict.rule) for verdict in verdicts(SCHEMA, resource)}

    assert [rule for rule in RULES if rule not in kept] == []


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": 0},
        {"mqtt": {"servers": ["mqtts://a", "mqtts://[::1]:8883"], "tls": {}}},
        {"mqtt": {"servers": ["mqtt://a:1"], "keepAlive": "18h", "sessionExpiry": "1000ms"}},
        {"mqtt": {"servers": ["mqtt://a:65535"], "sessionExpiry": "876000h"}},
        {"kafka": {"bootstrapServers": ["k:1"], "coordination": {"type": "None"}}, "replicas": 1},
        {"kafka": {"bootstrapServers": ["k:1"], "coordination": {"type": "None"}}},
        {"kafka": {"bootstrapServers": ["k:1"], "coordination": {"create": False}}, "replicas": 3},
        {"autoscaling": {"maxReplicas": 1}},
        {"autoscaling": {"minReplicas": 4, "maxReplicas": 4}, "replicas": 3},
        {"deadLetter": {}, "kafkaToMqtt": [{"name": "a", "from": {"topics": ["t"]}, "to": {}}]},
        {
            "mqttToKafka": [
                {"name": "a", "from": {"retained": "Skip"}, "ordering": "None", "sessions": 8},
                {"name": "b", "from": {"retained": "Only"}, "ordering": "PerKey", "sessions": 1},
            ]
        },
    ],
    ids=str,
)
def test_what_is_at_the_edge_of_a_rule_keeps_it(spec: dict[str, Any]) -> None:
    assert broken(manifest(**spec)) == []
