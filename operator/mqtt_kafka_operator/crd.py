"""The CustomResourceDefinition of `MqttKafkaBridge`, generated from the models.

`tools/generate.py` writes it to `crds/` and into the chart; nobody edits those.
"""

from typing import Any

from mqtt_kafka_operator.api.rules import VALIDATIONS, Rule
from mqtt_kafka_operator.api.spec import (
    CATEGORY,
    GROUP,
    KIND,
    LONGEST_NAME,
    PLURAL,
    SHORT_NAME,
    SINGULAR,
    VERSION,
    MqttKafkaBridgeSpec,
)
from mqtt_kafka_operator.api.status import MqttKafkaBridgeStatus
from mqtt_kafka_operator.schema import Schema, structural_schema
from mqtt_kafka_operator.schema_rules import checked_rules

CRD_NAME = f"{PLURAL}.{GROUP}"
DESCRIPTION = (
    "A bridge that forwards messages between an MQTT broker and a Kafka cluster, both ways, by its "
    "mappings."
)
NAME_RULES = (
    Rule(
        f"size(self.metadata.name) <= {LONGEST_NAME}",
        f"is too long for the objects that are named by it; write at most {LONGEST_NAME} "
        "characters",
        ".metadata.name",
    ),
    Rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        "is no name for a Service; write lower-case letters, digits and '-', with a letter first",
        ".metadata.name",
    ),
)


def custom_resource_definition() -> dict[str, Any]:
    """Return the CRD.

    Raises:
        NotStructuralError: a model has something that a CRD can't say.
    """
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": CRD_NAME},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [_version()],
        },
    }


def _version() -> dict[str, Any]:
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": _columns(),
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": _resource()},
    }


def _resource() -> Schema:
    text = "See https://kubernetes.io/docs/concepts/overview/working-with-objects"
    schema: Schema = {
        "description": DESCRIPTION,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"description": f"Always {GROUP}/{VERSION}. {text}", "type": "string"},
            "kind": {"description": f"Always {KIND}. {text}", "type": "string"},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
            },
            "spec": structural_schema(MqttKafkaBridgeSpec),
            "status": structural_schema(MqttKafkaBridgeStatus),
        },
    }
    rules = [rule.validation() for rule in NAME_RULES]
    return schema | {VALIDATIONS: checked_rules(rules, schema, KIND)}


def _columns() -> list[dict[str, Any]]:
    """Return what `kubectl get` shows; what has a priority, with `-o wide` only."""

    def condition(name: str, of: str, field: str = "status") -> dict[str, Any]:
        path = f'.status.conditions[?(@.type=="{of}")].{field}'
        return {"name": name, "type": "string", "jsonPath": path}

    return [
        condition("Ready", "Ready"),
        {"name": "Replicas", "type": "integer", "jsonPath": ".status.readyReplicas"},
        condition("MQTT", "MqttConnected"),
        condition("Kafka", "KafkaConnected"),
        condition("Reason", "Ready", "reason"),
        {"name": "Desired", "type": "integer", "jsonPath": ".spec.replicas", "priority": 1},
        {"name": "Sessions", "type": "integer", "jsonPath": ".status.sessions.connected"}
        | {"priority": 1},
        condition("Risk", "DataLossRisk", "reason") | {"priority": 1},
        condition("Message", "Ready", "message") | {"priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
