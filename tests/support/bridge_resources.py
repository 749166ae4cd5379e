"""MqttKafkaBridges in a real API, as their users see them."""

from collections.abc import Mapping
from typing import Any

from mqtt_kafka_operator.api.spec import API_VERSION, KIND
from tests.support.bridges import MINIMAL
from tests.support.kube_client import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    EVENT,
    JOB,
    POD,
    REPLICA_SET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    KubeClient,
    Manifest,
)
from tests.support.waiting import eventually

BRIDGE = Kind(API_VERSION, KIND)
NAME = "plant"
OBJECTS = (SERVICE_ACCOUNT, CONFIG_MAP, SERVICE, DISRUPTION_BUDGET, DEPLOYMENT)
"""What every bridge has, each named `<bridge>-bridge`."""
EVERYTHING = (*OBJECTS, AUTOSCALER, JOB, REPLICA_SET, POD)
"""Kinds of which a bridge may leave something behind."""
LABEL = "mqttkafka.dev/bridge"


def manifest(
    namespace: str,
    name: str = NAME,
    *,
    annotations: Mapping[str, str] | None = None,
    **spec: Any,  # noqa: ANN401
) -> Manifest:
    """Return a resource; `spec` changes the minimal one."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {**MINIMAL, **spec},
    }


def condition(kube: KubeClient, namespace: str, kind: str, name: str = NAME) -> dict[str, Any]:
    """Return a condition of a bridge; empty if it is not there yet."""
    resource = kube.read(BRIDGE, name, namespace)
    found = resource.get("status", {}).get("conditions", ())
    return next((it for it in found if it["type"] == kind), {})


def await_condition(
    kube: KubeClient,
    namespace: str,
    kind: str,
    status: str,
    reason: str | None = None,
    *,
    name: str = NAME,
    within_seconds: float = 10,
) -> dict[str, Any]:
    """Wait until a condition is so, and return it.

    Raises:
        AssertionError: it was not in time.
    """

    def is_so() -> dict[str, Any] | None:
        found = condition(kube, namespace, kind, name)
        so = found.get("status") == status and reason in {None, found.get("reason")}
        return found if so else None

    what = f"{kind}={status} {reason or ''}"
    found = eventually(
        is_so,
        within_seconds,
        what=lambda: f"{what}, is {condition(kube, namespace, kind, name)}",
        every_seconds=0.1,
    )
    assert found is not None
    return found


def await_deployment(
    kube: KubeClient, namespace: str, name: str = NAME, within_seconds: float = 10
) -> Manifest:
    """Wait until a bridge has its Deployment, and return that.

    Raises:
        AssertionError: it had none in time.
    """
    child = f"{name}-bridge"
    found = eventually(
        lambda: kube.find(DEPLOYMENT, child, namespace), within_seconds, what=f"Deployment {child}"
    )
    assert found is not None
    return found


def await_reconciled(
    kube: KubeClient, namespace: str, name: str = NAME, within_seconds: float = 15
) -> Manifest:
    """Wait until the status is about the newest spec, and return the resource.

    Raises:
        AssertionError: it was not in time.
    """

    def is_newest() -> Manifest | None:
        found = kube.read(BRIDGE, name, namespace)
        seen = found.get("status", {}).get("observedGeneration")
        return found if seen == found["metadata"]["generation"] else None

    found = eventually(is_newest, within_seconds, what=f"{name} reconciled", every_seconds=0.05)
    assert found is not None
    return found


def objects(kube: KubeClient, namespace: str, name: str = NAME) -> dict[str, Manifest]:
    """Return what there is of a bridge, by kind, but for ReplicaSets and pods."""
    kinds = (*OBJECTS, AUTOSCALER, JOB)
    listed = (kube.list(kind, namespace, selector=f"{LABEL}={name}") for kind in kinds)
    return {it["kind"]: it for found in listed for it in found}


def left_over(kube: KubeClient, namespace: str) -> list[str]:
    """List what is left in a namespace of anything that the operator made."""
    selector = "app.kubernetes.io/managed-by=mqtt-kafka-operator"
    return [
        f"{kind.name}/{it['metadata']['name']}"
        for kind in EVERYTHING
        for it in kube.list(kind, namespace, selector=selector)
    ]


def events(kube: KubeClient, namespace: str, name: str = NAME) -> list[tuple[str, str]]:
    """Return reason and note of the Events of a bridge, in the order of their time."""
    found = [it for it in kube.list(EVENT, namespace) if it["regarding"].get("name") == name]
    of_bridge = [it for it in found if it["regarding"].get("kind") == KIND]
    of_bridge.sort(key=lambda it: str(it["eventTime"]))
    return [(it["reason"], it["note"]) for it in of_bridge]


def content(found: Manifest, namespace: str, name: str = NAME) -> Manifest:
    """Return what somebody wrote in an object, without what each object has of its own."""
    metadata = found["metadata"]
    kept: Manifest = {
        "labels": metadata.get("labels"),
        "annotations": metadata.get("annotations"),
        "finalizers": metadata.get("finalizers"),
        "owners": [it["name"] for it in metadata.get("ownerReferences", ())],
    }
    rest = {key: it for key, it in found.items() if key not in {"metadata", "status"}}
    shown: Manifest = _without({**rest, "metadata": kept}, namespace, name)
    return shown


_CHANGING = frozenset(
    {
        "clusterIP",
        "clusterIPs",
        "deployment.kubernetes.io/revision",
        "mqttkafka.dev/applied-hash",
        "mqttkafka.dev/config-hash",
        "mqttkafka.dev/secrets-hash",
        "uid",
    }
)


def _without(value: Any, namespace: str, name: str) -> Any:  # noqa: ANN401
    """Return plain data without names, and hashes of them."""
    if isinstance(value, dict):
        return {k: _without(it, namespace, name) for k, it in value.items() if k not in _CHANGING}
    if isinstance(value, list):
        return [_without(it, namespace, name) for it in value]
    if isinstance(value, str):
        return value.replace(namespace, "NAMESPACE").replace(name, "NAME")
    return value
