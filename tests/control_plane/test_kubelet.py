"""Pods that nobody runs get ready when a test says so, and controllers believe it."""

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.kube_client import (
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    POD,
    REPLICA_SET,
    KubeClient,
    Manifest,
)
from tests.support.kubectl import kubectl
from tests.support.kubelet import await_rollout, end_pods, is_ready, ready_pods
from tests.support.waiting import eventually

_LABELS = {"app": "web"}
_SELECTOR = "app=web"


def pod_template(**spec: object) -> Manifest:
    containers = [{"name": "web", "image": "localhost/web:1"}]
    return {"metadata": {"labels": _LABELS}, "spec": {"containers": containers, **spec}}


def deployment(namespace: str, replicas: int) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": _LABELS},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": pod_template(),
        },
    }


def ready(kube: KubeClient, namespace: str) -> list[bool]:
    """Tell of each pod whether it is ready."""
    return [is_ready(pod) for pod in kube.list(POD, namespace)]


def test_no_pod_is_ready_by_itself(kube: KubeClient, namespace: str) -> None:
    kube.create(deployment(namespace, 2))

    eventually(lambda: ready(kube, namespace) == [False, False], 10, what="two pods")


def test_a_deployment_rolls_out(kube: KubeClient, namespace: str) -> None:
    kube.create(deployment(namespace, 2))
    await_rollout(kube, namespace, "web")
    before = {pod["metadata"]["name"] for pod in kube.list(POD, namespace)}

    kube.patch(
        DEPLOYMENT,
        "web",
        namespace,
        {"spec": {"template": {"metadata": {"labels": {"edition": "2"}}}}},
    )
    status = await_rollout(kube, namespace, "web")["status"]

    pods = ready_pods(kube, namespace, _SELECTOR)
    assert status["readyReplicas"] == 2
    assert len({pod["status"]["podIP"] for pod in pods}) == 2
    assert before.isdisjoint(pod["metadata"]["name"] for pod in pods)
    assert len(kube.list(REPLICA_SET, namespace)) == 2


@pytest.mark.usefixtures("kubelet")
@pytest.mark.parametrize("replicas", [3, 0])
def test_a_kubelet_goes_on_by_itself(kube: KubeClient, namespace: str, replicas: int) -> None:
    kube.create(deployment(namespace, 1))
    eventually(lambda: ready(kube, namespace) == [True], 20, what="a ready pod")

    kube.patch(DEPLOYMENT, "web", namespace, {"spec": {"replicas": replicas}})

    eventually(lambda: ready(kube, namespace) == [True] * replicas, 20, what="as many as wanted")


@pytest.mark.usefixtures("kubelet")
def test_a_disruption_budget_counts_ready_pods(kube: KubeClient, namespace: str) -> None:
    kube.create(deployment(namespace, 2))
    kube.create(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}},
        }
    )

    eventually(
        lambda: kube.read(DISRUPTION_BUDGET, "web", namespace)["status"].get("currentHealthy") == 2,
        20,
        what="two healthy pods",
    )


def test_a_job_ends_as_its_pods_do(kube: KubeClient, namespace: str) -> None:
    for name in ("good", "bad"):
        kube.create(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"backoffLimit": 0, "template": pod_template(restartPolicy="Never")},
            }
        )

    def conditions(name: str) -> set[str]:
        end_pods(kube, namespace, f"job-name={name}", succeeded=name == "good")
        status = kube.read(JOB, name, namespace).get("status", {})
        return {condition["type"] for condition in status.get("conditions", ())}

    eventually(lambda: "Complete" in conditions("good"), 20, what="it is complete")
    eventually(lambda: "Failed" in conditions("bad"), 20, what="it has failed")


def test_kubectl_shows_ready_pods(
    control_plane: ControlPlane, kube: KubeClient, namespace: str
) -> None:
    kube.create(deployment(namespace, 1))
    await_rollout(kube, namespace, "web")

    told = kubectl(control_plane.kubeconfig(), "get", "pods", f"--namespace={namespace}")

    assert "1/1     Running" in told.stdout
