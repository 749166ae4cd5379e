"""What a kubelet says of pods, said without one: nothing runs on a control plane alone.

The pods stay on no node, so the API server removes a deleted one at once, as there is nobody to end
it in order.
"""

import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from urllib3.exceptions import HTTPError

from tests.support.kube_client import DEPLOYMENT, POD, ApiError, KubeClient, Manifest
from tests.support.waiting import eventually

_EVERY_SECONDS = 0.1
_counter = itertools.count(1)


def own_address(_pod: Manifest) -> str:
    """Return a loopback address that no other pod has; a test may listen there."""
    number = next(_counter)
    return f"127.77.{number // 250}.{number % 250 + 1}"


def is_ready(pod: Manifest) -> bool:
    """Tell whether somebody said so."""
    conditions = pod.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def ready_pods(
    client: KubeClient,
    namespace: str | None,
    selector: str = "",
    *,
    address: Callable[[Manifest], str] = own_address,
) -> list[Manifest]:
    """Say that the pods there run and are ready; return them, those too that were it already.

    Args:
        client: may patch the status of pods.
        namespace: None for all of them.
        selector: of labels.
        address: of a pod that gets ready.
    """
    pods = []
    for pod in client.list(POD, namespace, selector=selector):
        phase = pod.get("status", {}).get("phase", "Pending")
        if phase != "Pending" or is_ready(pod):
            pods.append(pod)
        elif "deletionTimestamp" not in pod["metadata"]:
            pods += _report(client, pod, running_status(pod, address(pod)))
    return pods


def end_pods(client: KubeClient, namespace: str, selector: str, *, succeeded: bool = True) -> None:
    """Say that the containers of the pods have ended: those of a Job."""
    status = {"phase": "Succeeded" if succeeded else "Failed"}
    for pod in client.list(POD, namespace, selector=selector):
        _report(client, pod, status)


def await_rollout(
    client: KubeClient, namespace: str, deployment: str, within_seconds: float = 30
) -> Manifest:
    """Get the pods of a Deployment ready, old ones replaced, until it is as it should be.

    Raises:
        AssertionError: it was not in time.
    """

    def rolled_out() -> Manifest | None:
        found = client.read(DEPLOYMENT, deployment, namespace)
        labels = found["spec"]["selector"]["matchLabels"]
        ready_pods(client, namespace, ",".join(f"{key}={value}" for key, value in labels.items()))
        return found if _is_rolled_out(found) else None

    found = eventually(rolled_out, within_seconds, what=f"{deployment} rolled out")
    assert found is not None
    return found


def _is_rolled_out(deployment: Manifest) -> bool:
    wanted, status = deployment["spec"]["replicas"], deployment.get("status", {})
    counts = [status.get(c, 0) for c in ("replicas", "updatedReplicas", "availableReplicas")]
    seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return bool(seen and counts == [wanted] * 3)


def running_status(pod: Manifest, address: str) -> Manifest:
    """Return the status of a pod whose containers run and are ready."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "conditions": [
            {"type": condition, "status": "True", "lastTransitionTime": now}
            for condition in conditions
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": container["image"],
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
            for container in pod["spec"]["containers"]
        ],
    }


def _report(client: KubeClient, pod: Manifest, status: Manifest) -> list[Manifest]:
    """Write the status, unless the pod is gone."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    try:
        return [client.patch(POD, name, namespace, {"status": status}, subresource="status")]
    except ApiError as error:
        if error.status == 404:
            return []
        raise


class Kubelet:
    """Get every pod ready as it comes, in a thread; use it as a context manager.

    Args:
        client: its own, of somebody who may do that.
        namespace: None for all of them.
        address: of a pod that gets ready.
    """

    def __init__(
        self,
        client: KubeClient,
        namespace: str | None = None,
        *,
        address: Callable[[Manifest], str] = own_address,
    ) -> None:
        self._client, self._namespace, self._address = client, namespace, address
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_SECONDS):
            try:
                ready_pods(self._client, self._namespace, address=self._address)
            except HTTPError:  # the API server is down
                continue
            except ApiError as error:
                if error.status < 500:
                    raise
