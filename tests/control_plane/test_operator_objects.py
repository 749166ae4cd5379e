"""What the operator renders, on a real API server: taken as it is, and by the strictest policy."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render import Manifest, retire_job
from tests.support.bridges import FULL, MINIMAL, OUTBOUND, rendered, resource
from tests.support.kube_client import DEPLOYMENT, NAMESPACE, KubeClient

KINDS = (
    "ServiceAccount",
    "ConfigMap",
    "Service",
    "PodDisruptionBudget",
    "Deployment",
    "HorizontalPodAutoscaler",
)
"""All but the PodMonitor, whose kind is not there."""
SPECS: dict[str, dict[str, Any]] = {"minimal": {**MINIMAL, "kafkaToMqtt": [OUTBOUND]}, "full": FULL}


def made(kube: KubeClient, namespace: str, spec: Mapping[str, Any]) -> Bridge:
    """Return a bridge that is there."""
    wanted = resource(spec, annotations={"mqttkafka.dev/restart": "1"})
    wanted["metadata"] = {"name": "plant", "namespace": namespace}
    return Bridge.read(kube.create(wanted))


def changed(said: object, found: object, path: str = "") -> Iterator[str]:
    """List where an object that was applied is not what was said; more may stand in it."""
    if isinstance(said, dict) and isinstance(found, dict):
        for key, value in said.items():
            yield from changed(value, found.get(key), f"{path}.{key}")
    elif isinstance(said, list) and isinstance(found, list) and len(said) == len(found):
        for index, pair in enumerate(zip(said, found, strict=True)):
            yield from changed(*pair, f"{path}[{index}]")
    elif said != found:
        yield f"{path}: {said!r} became {found!r}"


@pytest.mark.parametrize("name", SPECS)
def test_the_api_server_takes_every_object_as_it_is(
    kube: KubeClient, namespace: str, name: str
) -> None:
    """And applying it again changes nothing: not even its version."""
    found = rendered(made(kube, namespace, SPECS[name]))
    applied = {
        kind: kube.apply(found[kind], manager="mqtt-kafka-operator")
        for kind in KINDS
        if kind in found
    }

    for kind, live in applied.items():
        again = kube.apply(found[kind], manager="mqtt-kafka-operator")
        # A controller may have written a status meanwhile; `generation` counts edits of the rest.
        assert again["metadata"].get("generation") == live["metadata"].get("generation")
        assert [it for it in changed(found[kind], live) if "resources.requests.cpu" not in it] == []
    assert set(applied) == set(found) - {"PodMonitor"}


def test_the_strictest_pod_security_takes_the_pods_and_the_job(
    kube: KubeClient, namespace: str
) -> None:
    strict = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    kube.patch(NAMESPACE, namespace, None, strict)
    bridge = made(kube, namespace, MINIMAL)
    found = rendered(bridge)
    kube.apply(found["ServiceAccount"])
    template = kube.apply(found["Deployment"])["spec"]["template"]
    job = kube.create(retire_job(bridge, template))

    for name, one in {"run": template, "retire": job["spec"]["template"]}.items():
        pod: Manifest = {"apiVersion": "v1", "kind": "Pod", "spec": one["spec"]}
        made_pod = kube.create({**pod, "metadata": {"name": name, "namespace": namespace}})
        assert made_pod["spec"]["containers"][0]["name"] == "bridge"
    assert kube.read(DEPLOYMENT, "plant-bridge", namespace)["spec"]["replicas"] == 1
