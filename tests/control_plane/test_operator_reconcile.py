"""The operator on a real API: what a user applies, and what comes of it."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.bridge_resources import (
    BRIDGE,
    NAME,
    await_condition,
    await_deployment,
    await_reconciled,
    events,
    manifest,
    objects,
)
from tests.support.bridges import MINIMAL
from tests.support.control_plane import ControlPlane
from tests.support.kube_audit import WRITING
from tests.support.kube_client import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    SECRET,
    SERVICE_ACCOUNT,
    KubeClient,
    Manifest,
)
from tests.support.kubectl import kubectl
from tests.support.kubelet import Kubelet, await_rollout
from tests.support.operator import IMAGE, Operator
from tests.support.waiting import eventually, throughout

CHILD = f"{NAME}-bridge"
LOGIN = {
    "type": "password",
    "username": "plant",
    "passwordSecret": {"secretName": "login", "key": "password"},
}
WITH_LOGIN: dict[str, Any] = {"mqtt": {**MINIMAL["mqtt"], "authentication": LOGIN}}
OTHER_BROKER: dict[str, Any] = {"mqtt": {"servers": ["mqtt://another:1883"]}}
pytestmark = pytest.mark.usefixtures("operator")


def secret(namespace: str, **data: str) -> Manifest:
    """Return a Secret named login."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": "login", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}


def deployment(kube: KubeClient, namespace: str) -> Manifest:
    return kube.read(DEPLOYMENT, CHILD, namespace)


def rolled(kube: KubeClient, namespace: str, before: Manifest) -> Callable[[], bool]:
    """Tell whether the pod template has changed since."""
    was = before["spec"]["template"]
    return lambda: deployment(kube, namespace)["spec"]["template"] != was


def test_a_deployment_follows_within_a_second(kube: KubeClient, namespace: str) -> None:
    """The bound is for an operator that is idle."""
    kube.apply(manifest(namespace, "first"))
    await_deployment(kube, namespace, "first")
    await_reconciled(kube, namespace, "first")

    began = time.monotonic()
    kube.apply(manifest(namespace))
    made = await_deployment(kube, namespace)
    seconds = time.monotonic() - began

    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE
    assert seconds < 1


def test_everything_of_a_bridge_is_owned_by_it(kube: KubeClient, namespace: str) -> None:
    resource = kube.apply(manifest(namespace))
    await_reconciled(kube, namespace)

    made = objects(kube, namespace)
    assert sorted(made) == [
        "ConfigMap",
        "Deployment",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ]
    for it in made.values():
        (owner,) = it["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"]) == (resource["metadata"]["uid"], True)
    found = kube.read(BRIDGE, NAME, namespace)
    assert found["metadata"]["finalizers"] == ["mqttkafka.dev/sessions"]
    assert "annotations" not in found["metadata"]


def test_the_table_and_the_description_read_well(
    control_plane: ControlPlane, kube: KubeClient, kubelet: Kubelet, namespace: str
) -> None:
    """What stands there is printed, to be looked at."""
    assert kubelet
    kube.apply(manifest(namespace))
    await_deployment(kube, namespace)
    await_rollout(kube, namespace, CHILD)
    eventually(
        lambda: kube.read(BRIDGE, NAME, namespace)["status"]["readyReplicas"] == 1, 10, what="ready"
    )
    admin = control_plane.kubeconfig()

    table = kubectl(admin, "get", "mkb", "-n", namespace).stdout
    description = kubectl(admin, "describe", "mkb", NAME, "-n", namespace).stdout
    print(table, kubectl(admin, "get", "mkb", "-o", "wide", "-n", namespace).stdout, description)  # noqa: T201

    assert table.split()[:6] == ["NAME", "READY", "REPLICAS", "MQTT", "KAFKA", "REASON"]
    assert "Events:" in description


def test_what_is_settled_is_written_no_more(
    control_plane: ControlPlane,
    kube: KubeClient,
    kubelet: Kubelet,
    namespace: str,
    operator: Operator,
) -> None:
    """Pods are asked and events come in all the time; kopf writes nothing at any time."""
    assert kubelet
    before = control_plane.audit.mark()
    kube.apply(manifest(namespace, autoscaling={"maxReplicas": 3}))
    await_deployment(kube, namespace)
    await_rollout(kube, namespace, CHILD)
    await_condition(kube, namespace, "Ready", "Unknown", "StatusUnreachable", within_seconds=120)
    user = f"system:serviceaccount:operators:{operator.lease}"
    settled = control_plane.audit.mark()

    def wrote() -> list[str]:
        calls = control_plane.audit.calls(settled, user=user, verbs=WRITING)
        return [f"{it.verb} {it.path}" for it in calls if it.resource != "leases"]

    throughout(lambda: not wrote(), 15, what=lambda: str(wrote()))
    watches = [
        it for it in control_plane.audit.calls(before, user=user) if it.agent.endswith("-watches")
    ]
    assert watches
    assert [it for it in watches if it.verb in WRITING] == []


def test_an_edit_that_has_a_mistake_leaves_the_pods_alone(kube: KubeClient, namespace: str) -> None:
    """The mistake is one that only the operator finds."""
    kube.apply(manifest(namespace))
    before = await_deployment(kube, namespace)
    await_reconciled(kube, namespace)
    mapping = {**MINIMAL["mqttToKafka"][0], "to": {"topic": "plant.{device}"}}

    kube.apply(manifest(namespace, mqttToKafka=[mapping], replicas=3))

    told = await_condition(kube, namespace, "ConfigValid", "False", "InvalidSpec")
    assert "spec.mqttToKafka[0].to.topic" in told["message"]
    assert "{line}" in told["message"]
    assert told["observedGeneration"] == 2
    after = deployment(kube, namespace)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"] or (
        after["spec"] == before["spec"]
    )

    kube.apply(manifest(namespace, replicas=3))
    await_condition(kube, namespace, "ConfigValid", "True")
    assert deployment(kube, namespace)["spec"]["replicas"] == 3


def test_another_broker_is_refused_until_it_is_allowed(kube: KubeClient, namespace: str) -> None:
    kube.apply(manifest(namespace))
    before = await_deployment(kube, namespace)
    await_reconciled(kube, namespace)

    kube.apply(manifest(namespace, **OTHER_BROKER))
    told = await_condition(kube, namespace, "ConfigValid", "False", "IdentityChanged")
    assert "spec.mqtt.servers" in told["message"]
    assert deployment(kube, namespace)["spec"] == before["spec"]

    allowed = {"mqttkafka.dev/allow-identity-change": "2"}
    kube.apply(manifest(namespace, annotations=allowed, **OTHER_BROKER))
    await_condition(kube, namespace, "ConfigValid", "True")
    assert rolled(kube, namespace, before)()


def test_a_missing_secret_wakes_the_bridge_when_it_comes(kube: KubeClient, namespace: str) -> None:
    kube.apply(manifest(namespace, **WITH_LOGIN))
    told = await_condition(kube, namespace, "SecretsResolved", "False", "SecretMissing")
    assert "spec.mqtt.authentication.passwordSecret" in told["message"]
    assert kube.find(DEPLOYMENT, CHILD, namespace) is None

    kube.create(secret(namespace, other="x"))
    await_condition(kube, namespace, "SecretsResolved", "False", "SecretKeyMissing")
    kube.apply(secret(namespace, password="x"), force=True)  # noqa: S106 - of nobody

    await_deployment(kube, namespace, within_seconds=5)
    await_condition(kube, namespace, "SecretsResolved", "True")


def test_a_rotated_secret_rolls_the_pods_and_a_deleted_one_does_not(
    kube: KubeClient, namespace: str
) -> None:
    kube.create(secret(namespace, password="old"))  # noqa: S106 - of nobody
    kube.apply(manifest(namespace, **WITH_LOGIN))
    before = await_deployment(kube, namespace)
    await_reconciled(kube, namespace)

    kube.patch(SECRET, "login", namespace, {"stringData": {"password": "new"}})
    eventually(rolled(kube, namespace, before), 5, what="rolled")

    await_condition(kube, namespace, "SecretsResolved", "True")
    after = deployment(kube, namespace)
    kube.delete(SECRET, "login", namespace)
    await_condition(kube, namespace, "SecretsResolved", "False", "SecretMissing")
    assert not rolled(kube, namespace, after)()


def test_a_paused_bridge_has_no_pods_although_a_secret_is_missing(
    kube: KubeClient, namespace: str
) -> None:
    """Pausing is what one does when something is wrong."""
    kube.create(secret(namespace, password="x"))  # noqa: S106 - of nobody
    kube.apply(manifest(namespace, replicas=2, **WITH_LOGIN))
    await_deployment(kube, namespace)
    kube.delete(SECRET, "login", namespace)
    await_condition(kube, namespace, "SecretsResolved", "False")

    kube.apply(manifest(namespace, replicas=2, paused=True, **WITH_LOGIN))
    eventually(lambda: deployment(kube, namespace)["spec"]["replicas"] == 0, 5, what="no pods")
    await_condition(kube, namespace, "Paused", "True")


def test_pods_are_scaled_through_the_resource(
    control_plane: ControlPlane, kube: KubeClient, namespace: str
) -> None:
    """As an autoscaler does it; no pod is rolled for it."""
    kube.apply(manifest(namespace))
    before = await_deployment(kube, namespace)
    admin = control_plane.kubeconfig()

    done = kubectl(admin, "scale", "mkb", NAME, "--replicas=4", "-n", namespace)

    assert done.returncode == 0, done.stderr
    eventually(lambda: deployment(kube, namespace)["spec"]["replicas"] == 4, 5, what="4 pods")
    assert not rolled(kube, namespace, before)()


def test_the_restart_annotation_rolls_the_pods(
    control_plane: ControlPlane, kube: KubeClient, namespace: str
) -> None:
    kube.apply(manifest(namespace))
    before = await_deployment(kube, namespace)
    admin = control_plane.kubeconfig()

    kubectl(admin, "annotate", "mkb", NAME, "mqttkafka.dev/restart=now", "-n", namespace)

    eventually(rolled(kube, namespace, before), 5, what="rolled")


def test_an_autoscaler_comes_and_goes_with_its_field(kube: KubeClient, namespace: str) -> None:
    kube.apply(manifest(namespace, autoscaling={"maxReplicas": 3}))
    found = eventually(lambda: kube.find(AUTOSCALER, CHILD, namespace), 5, what="autoscaler")
    assert found
    assert found["spec"]["scaleTargetRef"]["name"] == NAME

    kube.apply(manifest(namespace))
    eventually(lambda: kube.find(AUTOSCALER, CHILD, namespace) is None, 5, what="no autoscaler")


def test_an_unmanaged_bridge_is_left_alone(kube: KubeClient, namespace: str) -> None:
    kube.apply(manifest(namespace))
    await_reconciled(kube, namespace)
    hands_off = {"mqttkafka.dev/management-state": "Unmanaged"}
    kube.apply(manifest(namespace, annotations=hands_off))
    before = deployment(kube, namespace)
    kube.patch(DEPLOYMENT, CHILD, namespace, {"spec": {"replicas": 7}})

    kube.apply(manifest(namespace, annotations=hands_off, replicas=2))
    await_reconciled(kube, namespace)
    throughout(lambda: deployment(kube, namespace)["spec"]["replicas"] == 7, 2, what="7 pods")

    kube.apply(manifest(namespace, replicas=2))
    eventually(lambda: deployment(kube, namespace)["spec"]["replicas"] == 2, 5, what="2 pods")
    assert before["metadata"]["uid"] == deployment(kube, namespace)["metadata"]["uid"]


@pytest.mark.parametrize("kind", ["ServiceAccount", "ConfigMap"])
def test_an_object_of_somebody_else_is_never_taken_over(
    kube: KubeClient, namespace: str, kind: str
) -> None:
    theirs = {"apiVersion": "v1", "kind": kind, "metadata": {"name": CHILD, "namespace": namespace}}
    before = kube.create(theirs)

    kube.apply(manifest(namespace))

    told = await_condition(kube, namespace, "Ready", "False", "NameConflict")
    assert f"{kind} {CHILD}" in told["message"]
    read = SERVICE_ACCOUNT if kind == "ServiceAccount" else CONFIG_MAP
    after = kube.read(read, CHILD, namespace)
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert kube.find(DEPLOYMENT, CHILD, namespace) is None
    eventually(lambda: "NameConflict" in dict(events(kube, namespace)), 5, what="Event")


def test_objects_that_were_left_behind_are_taken_in_again(kube: KubeClient, namespace: str) -> None:
    """Deleted with --cascade=orphan by somebody who had removed the finalizer."""
    kube.apply(manifest(namespace))
    before = await_deployment(kube, namespace)
    await_reconciled(kube, namespace)
    kube.patch(
        BRIDGE,
        NAME,
        namespace,
        {"metadata": {"annotations": {"mqttkafka.dev/management-state": "Unmanaged"}}},
    )
    kube.delete(BRIDGE, NAME, namespace, propagationPolicy="Orphan")
    eventually(lambda: kube.find(BRIDGE, NAME, namespace) is None, 20, what="gone")

    kube.apply(manifest(namespace))
    await_condition(kube, namespace, "ConfigValid", "True")

    after = deployment(kube, namespace)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert len(after["metadata"]["ownerReferences"]) == 1
