"""Row 27 and the end of a bridge: nothing is left, and nothing ever hangs."""

import time
from collections.abc import Callable
from typing import Any

from tests.support.bridge_resources import (
    BRIDGE,
    NAME,
    await_reconciled,
    events,
    left_over,
    manifest,
)
from tests.support.kube_client import (
    DEPLOYMENT,
    JOB,
    POD,
    KubeClient,
)
from tests.support.kubelet import await_rollout, end_pods
from tests.support.operator import Operator
from tests.support.waiting import eventually

MakeOperator = Callable[..., Operator]
CHILD, RETIRE = f"{NAME}-bridge", f"{NAME}-bridge-retire"
OF_JOB = f"batch.kubernetes.io/job-name={RETIRE}"
GONE_SECONDS = 30


def running_bridge(kube: KubeClient, namespace: str, **spec: Any) -> None:  # noqa: ANN401
    """Apply a bridge, and get its pods ready."""
    kube.apply(manifest(namespace, **spec))
    await_reconciled(kube, namespace)
    await_rollout(kube, namespace, CHILD)


def is_gone(kube: KubeClient, namespace: str) -> bool:
    return kube.find(BRIDGE, NAME, namespace) is None


def reasons(kube: KubeClient, namespace: str) -> list[str]:
    return [reason for reason, _ in events(kube, namespace)]


def assert_nothing_is_left(kube: KubeClient, namespace: str) -> None:
    eventually(
        lambda: not left_over(kube, namespace), 15, what=lambda: str(left_over(kube, namespace))
    )


def test_sessions_are_ended_before_the_bridge_goes(
    kube: KubeClient, namespace: str, operator: Operator
) -> None:
    assert operator
    running_bridge(kube, namespace, replicas=2)

    kube.delete(BRIDGE, NAME, namespace)

    job = eventually(lambda: kube.find(JOB, RETIRE, namespace), 10, what="Job")
    assert job
    assert kube.list(POD, namespace, selector=f"mqttkafka.dev/bridge={NAME}") == []
    assert kube.read(DEPLOYMENT, CHILD, namespace)["spec"]["replicas"] == 0
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["args"][:2] == ["retire", "/etc/mqtt-kafka-bridge/bridge.yaml"]
    assert not is_gone(kube, namespace)
    eventually(lambda: kube.list(POD, namespace, selector=OF_JOB), 5, what="pod of the Job")
    end_pods(kube, namespace, OF_JOB)
    eventually(lambda: is_gone(kube, namespace), 10, what="gone")
    assert "SessionsEnded" in reasons(kube, namespace)
    assert_nothing_is_left(kube, namespace)


def test_what_could_not_be_ended_is_told(
    kube: KubeClient, namespace: str, operator: Operator
) -> None:
    """By the last words of the Job's pod."""
    assert operator
    running_bridge(kube, namespace)
    kube.delete(BRIDGE, NAME, namespace)
    (pod,) = eventually(lambda: kube.list(POD, namespace, selector=OF_JOB), 10, what="pod")
    words = "factory.plant.telemetry.12345678: left: the broker does not answer\n"
    ended = {"exitCode": 3, "reason": "Error", "message": words}
    status = {
        "phase": "Failed",
        "containerStatuses": [
            {
                "name": "bridge",
                "image": "bridge",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": {"terminated": ended},
            }
        ],
    }
    kube.patch(POD, pod["metadata"]["name"], namespace, {"status": status}, subresource="status")

    eventually(lambda: is_gone(kube, namespace), 15, what="gone")

    notes = dict(events(kube, namespace))
    assert "factory.plant.telemetry.12345678: left" in notes["SessionsLeft"]
    assert "retire" in notes["SessionsLeft"]
    assert_nothing_is_left(kube, namespace)


def test_a_bridge_deleted_while_nobody_looked_goes_although_no_broker_answers(
    kube: KubeClient, namespace: str, operator: Operator
) -> None:
    """The Job's pod never ends by itself."""
    running_bridge(kube, namespace, replicas=2)
    operator.kill()
    kube.delete(BRIDGE, NAME, namespace)
    assert not is_gone(kube, namespace)

    began = time.monotonic()
    operator.up()
    eventually(lambda: is_gone(kube, namespace), GONE_SECONDS, what="gone")

    print(f"gone after {time.monotonic() - began:.1f} s")  # noqa: T201
    assert "SessionsLeft" in reasons(kube, namespace)
    assert_nothing_is_left(kube, namespace)


def test_a_bridge_with_a_mistake_is_ended_by_what_it_ran_with(
    kube: KubeClient, namespace: str, operator: Operator
) -> None:
    assert operator
    running_bridge(kube, namespace)
    wrong = {"mqttToKafka": [{"name": "x", "from": {"filter": "a/#/b"}, "to": {"topic": "t"}}]}
    kube.patch(BRIDGE, NAME, namespace, {"spec": wrong})
    await_reconciled(kube, namespace)

    kube.delete(BRIDGE, NAME, namespace)

    eventually(lambda: kube.list(POD, namespace, selector=OF_JOB), 10, what="pod of the Job")
    end_pods(kube, namespace, OF_JOB)
    eventually(lambda: is_gone(kube, namespace), 10, what="gone")
    assert_nothing_is_left(kube, namespace)


def test_a_bridge_that_never_ran_goes_at_once(
    kube: KubeClient, namespace: str, operator: Operator
) -> None:
    """Its Secret never came."""
    assert operator
    secret = {"secretName": "never", "key": "password"}
    login = {"type": "password", "username": "plant", "passwordSecret": secret}
    kube.apply(manifest(namespace, mqtt={"servers": ["mqtt://b"], "authentication": login}))
    await_reconciled(kube, namespace)

    kube.delete(BRIDGE, NAME, namespace)

    eventually(lambda: is_gone(kube, namespace), 3, what="gone")
    assert "SessionsLeft" not in reasons(kube, namespace)
