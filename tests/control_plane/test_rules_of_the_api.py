"""The rules of the CRD on a real API server: what it refuses itself, and in which words."""

import json
from typing import Any

import pytest

from tests.support.kube_client import ApiError, Kind, KubeClient, Manifest
from tests.support.refused import InvalidResource, invalid_resources

BRIDGE = Kind("mqttkafka.dev/v1alpha1", "MqttKafkaBridge")
_PLACE = f"{BRIDGE.path}/namespaces/default/{BRIDGE.plural}"
_DRY = {"dryRun": "All", "fieldValidation": "Strict"}


def tried(kube: KubeClient, manifest: Manifest) -> Manifest:
    """Return what would be stored."""
    return kube.request("POST", _PLACE, manifest, _DRY)


def minimal() -> dict[str, Any]:
    """Return the least that a spec has."""
    return {
        "mqtt": {"servers": ["mqtt://broker"]},
        "kafka": {"bootstrapServers": ["kafka:9092"]},
    }


def largest() -> dict[str, Any]:
    """Return a spec with as much for the rules as the CRD and the 3 MiB of a request let in."""
    topics = [f"{number:03}".ljust(249, "t") for number in range(100)]
    headers = {f"{number:02}".ljust(60, "h"): "x" for number in range(50)}
    inbound = {"from": {"filter": "f"}, "to": {"topic": "t" * 249, "headers": headers}}
    outbound = {"from": {"topics": topics}, "to": {"topic": "t", "expiry": "1h30m"}}
    brokers = [f"{number:02}".ljust(268, "b") + ":9092" for number in range(16)]
    return {
        "mqtt": {"servers": [f"mqtt://{broker}" for broker in brokers]},
        "kafka": {"bootstrapServers": brokers},
        "deadLetter": {"topic": "d" * 249},
        "mqttToKafka": [{"name": f"{n:02}".ljust(63, "i"), **inbound} for n in range(100)],
        "kafkaToMqtt": [{"name": f"{n:02}".ljust(63, "o"), **outbound} for n in range(100)],
    }


@pytest.mark.parametrize(
    "resource", list(invalid_resources("api")), ids=lambda resource: resource.name
)
def test_the_api_server_refuses_it_and_says_where_and_what_to_write(
    kube: KubeClient, resource: InvalidResource
) -> None:
    with pytest.raises(ApiError) as refused:
        tried(kube, resource.manifest)

    assert refused.value.status in {400, 422}
    message = json.loads(refused.value.body or "{}")["message"]
    assert resource.at in message
    assert resource.says in message
    assert "evaluating rule" not in message


@pytest.mark.parametrize(
    "resource", list(invalid_resources("operator")), ids=lambda resource: resource.name
)
def test_what_the_operator_refuses_the_api_server_takes(
    kube: KubeClient, resource: InvalidResource
) -> None:
    assert tried(kube, resource.manifest)["spec"].items() >= resource.manifest["spec"].items()


def manifest(namespace: str, spec: dict[str, Any], name: str = "plant") -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": BRIDGE.api_version, "kind": BRIDGE.name, "metadata": metadata} | {
        "spec": spec
    }


def test_the_largest_resource_costs_no_more_than_rules_may(kube: KubeClient) -> None:
    stored = tried(kube, manifest("default", largest(), "b" * 49))

    assert stored["spec"]["replicas"] == 1


def test_nothing_is_stored_but_what_was_written_and_the_replicas(kube: KubeClient) -> None:
    """No default of ours stays behind when a user's wish changes."""
    spec = minimal() | {
        "mqttToKafka": [{"name": "a", "from": {"filter": "a"}, "to": {"topic": "a"}}],
        "limits": {},
    }

    assert tried(kube, manifest("default", spec))["spec"] == spec | {"replicas": 1}


def test_an_autoscaler_finds_replicas_where_nobody_wrote_any(
    kube: KubeClient, namespace: str
) -> None:
    kube.create(manifest(namespace, minimal() | {"autoscaling": {"maxReplicas": 4}}))

    assert kube.read(BRIDGE, "plant", namespace, subresource="scale")["spec"]["replicas"] == 1
    kube.patch(BRIDGE, "plant", namespace, {"spec": {"replicas": 3}}, subresource="scale")
    assert kube.read(BRIDGE, "plant", namespace)["spec"]["replicas"] == 3
