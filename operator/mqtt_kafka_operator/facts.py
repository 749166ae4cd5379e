"""What was observed of one bridge, as plain values.

`reconcile` gathers them: what the API server has (`workload`, `pod` read its objects as plain JSON
data) and what the pods answered. `conditions` judges them. Nothing in here decides anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mqtt_kafka_bridge.contract import BridgeStatus
from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_operator.api import MqttKafkaBridgeSpec, OperatorReason

HTTP_PORT_NAME = "http"
"""Name of the container port that answers `/status`."""
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a container's process ended last."""

    exit_code: int
    reason: str = ""
    """Kubernetes' word, such as OOMKilled, Error or Completed."""
    message: str = ""
    """What it left in its termination log, or its last lines."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod."""

    name: str
    image: str = ""
    ready: bool = False
    waiting: str = ""
    """Why it does not run, such as ImagePullBackOff; empty if it runs or has ended."""
    waiting_message: str = ""
    ended: Ending | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod of the bridge."""

    name: str
    uid: str = ""
    address: str | None = None
    port: int | None = None
    """Of `http`; None if the pod template lost it."""
    ready: bool = False
    leaving: bool = False
    """It is being deleted, or has ended for good."""
    unschedulable: str = ""
    """The scheduler's words, while no node takes it."""
    containers: tuple[Container, ...] = ()
    """Those for initialisation first."""

    @property
    def can_be_asked(self) -> bool:
        """Whether it has an address and is to stay."""
        return self.address is not None and not self.leaving


@dataclass(frozen=True, slots=True)
class Workload:
    """The Deployment, and what its controller says."""

    desired: int = 1
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    observed: bool = True
    """Whether the counts are about what was applied last."""
    settled: bool = False
    """Whether the roll-out was complete once; a pod that fails later does not undo that."""
    late: bool = False
    """Whether it made no progress for `progressDeadlineSeconds`."""
    refusal: str = ""
    """Why pods can't be made at all."""


@dataclass(frozen=True, slots=True)
class MissingSecret:
    """A reference of the spec that leads nowhere."""

    path: str
    """Such as spec.mqtt.authentication.passwordSecret."""
    secret: str
    key: str | None = None
    """The key that the Secret lacks; None: there is no such Secret."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that was not written, because somebody else owns it or the API server refuses."""

    reason: OperatorReason
    message: str
    cure: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a pod gave no status."""

    reason: OperatorReason
    message: str


Answer = BridgeStatus | Silence


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the status of a bridge is concluded from."""

    name: str
    generation: int
    """`metadata.generation` of the resource."""
    spec: MqttKafkaBridgeSpec | None
    """None: it can't even be read."""
    config_generation: int | None = None
    """Of the configuration that the pods should have; None: there is none."""
    selector: str = ""
    mistakes: tuple[Mistake, ...] = ()
    mistakes_reason: OperatorReason = OperatorReason.INVALID_SPEC
    missing_secrets: tuple[MissingSecret, ...] | None = ()
    """None: nobody looked."""
    refusals: tuple[Refusal, ...] = ()
    workload: Workload | None = None
    pods: tuple[Pod, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """By name of the pod, of those that were asked."""
    unmanaged: bool = False
    deleting: bool = False

    @property
    def paused(self) -> bool:
        """Whether there shall be no pods."""
        return self.spec is not None and (self.spec.paused or self.spec.replicas == 0)

    @property
    def staying(self) -> Sequence[Pod]:
        """The pods that are to stay, by name."""
        return sorted((pod for pod in self.pods if not pod.leaving), key=lambda pod: pod.name)

    @property
    def statuses(self) -> Sequence[BridgeStatus]:
        """What the pods that are to stay said of themselves."""
        answers = (self.answers.get(pod.name) for pod in self.staying)
        return [it for it in answers if isinstance(it, BridgeStatus) and not it.stopping]


def workload(deployment: Json) -> Workload:
    """Read a Deployment, as the API server has it."""
    metadata, status = deployment["metadata"], deployment.get("status", {})
    conditions = _conditions(status)
    progressing, failure = conditions.get("Progressing", {}), conditions.get("ReplicaFailure", {})
    return Workload(
        desired=deployment["spec"].get("replicas", 1),
        replicas=status.get("replicas", 0),
        updated=status.get("updatedReplicas", 0),
        ready=status.get("readyReplicas", 0),
        observed=status.get("observedGeneration", 0) >= metadata.get("generation", 0),
        settled=progressing.get("reason") == "NewReplicaSetAvailable",
        late=progressing.get("reason") == "ProgressDeadlineExceeded",
        refusal=failure.get("message", "") if failure.get("status") == "True" else "",
    )


def pod(manifest: Json) -> Pod:
    """Read a Pod, as the API server has it."""
    metadata, status = manifest["metadata"], manifest.get("status", {})
    conditions = _conditions(status)
    scheduled = conditions.get("PodScheduled", {})
    return Pod(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        address=status.get("podIP") or None,
        port=next(_http_ports(manifest), None),
        ready=conditions.get("Ready", {}).get("status") == "True",
        leaving="deletionTimestamp" in metadata or status.get("phase") in {"Failed", "Succeeded"},
        unschedulable=scheduled.get("message", "")
        if scheduled.get("reason") == "Unschedulable"
        else "",
        containers=tuple(
            _container(entry)
            for kind in ("initContainerStatuses", "containerStatuses")
            for entry in status.get(kind) or ()
        ),
    )


def _conditions(status: Json) -> dict[str, Json]:
    return {condition["type"]: condition for condition in status.get("conditions") or ()}


def _http_ports(manifest: Json) -> Iterator[int]:
    for container in manifest["spec"]["containers"]:
        for port in container.get("ports") or ():
            if port.get("name") == HTTP_PORT_NAME:
                yield port["containerPort"]


def _container(entry: Json) -> Container:
    now, before = entry.get("state") or {}, entry.get("lastState") or {}
    waiting, ended = now.get("waiting", {}), now.get("terminated") or before.get("terminated")
    return Container(
        name=entry["name"],
        image=entry.get("image", ""),
        ready=entry.get("ready", False),
        waiting=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        ended=ended
        and Ending(ended["exitCode"], ended.get("reason", ""), ended.get("message", "")),
    )
