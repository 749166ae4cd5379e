"""What several pods say of a bridge, as one: pure, and the form of `--output json`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pydantic import Field

from mqtt_kafka_bridge.contract.status import (
    BridgeStatus,
    Counts,
    Direction,
    MappingState,
    MappingStatus,
    SessionStatus,
    Statement,
    Trouble,
)


class PodReport(Statement):
    """What one address answered."""

    url: str
    status: BridgeStatus | None = None
    failure: str | None = Field(default=None, description="Why there is no status.")
    cure: str = Field(default="", description="What to do about it.")

    @property
    def ready(self) -> bool:
        """Whether it answered that it is ready."""
        return self.status is not None and self.status.ready


class PodTrouble(Trouble):
    """Something that a pod says is wrong with a mapping."""

    pod: str


class MappingReport(Statement):
    """One mapping over all pods."""

    bridge: str
    name: str
    direction: Direction
    states: dict[MappingState, int] = Field(description="How many pods that run it say so.")
    counts: Counts
    troubles: list[PodTrouble]
    risks: list[PodTrouble]


class SessionReport(SessionStatus):
    """One MQTT session, and the pod that says so."""

    bridge: str
    pod: str


class Report(Statement):
    """Everything that was answered."""

    ready: bool
    pods: list[PodReport]
    mappings: list[MappingReport]
    sessions: list[SessionReport]


def report(pods: Sequence[PodReport]) -> Report:
    """Return what all pods say, by bridge and mapping."""
    answers = [pod.status for pod in pods if pod.status is not None]
    names = {
        (_identity(status), mapping.name, mapping.direction): None
        for status in answers
        for mapping in status.mappings
    }
    return Report(
        ready=all(pod.ready for pod in pods),
        pods=list(pods),
        mappings=[_mapping(answers, *name) for name in sorted(names)],
        sessions=sorted(
            _sessions(answers), key=lambda it: (it.bridge, it.mapping, it.member, it.client_id)
        ),
    )


def _identity(status: BridgeStatus) -> str:
    return f"{status.namespace}/{status.bridge}"


def _mapping(
    answers: Iterable[BridgeStatus], bridge: str, name: str, direction: Direction
) -> MappingReport:
    said = [
        (status, mapping)
        for status in answers
        if _identity(status) == bridge
        for mapping in status.mappings
        if (mapping.name, mapping.direction) == (name, direction)
    ]
    at_work = [mapping.state for status, mapping in said if not _is_idle(status, mapping)]
    return MappingReport(
        bridge=bridge,
        name=name,
        direction=direction,
        states=dict(Counter(at_work or [MappingState.WAITING])),
        counts=_sum(mapping.counts for _, mapping in said),
        troubles=[
            PodTrouble(pod=status.pod, **trouble.model_dump())
            for status, mapping in said
            for trouble in _troubles(mapping)
        ],
        risks=[
            PodTrouble(pod=status.pod, **risk.model_dump())
            for status, mapping in said
            for risk in mapping.risks
        ],
    )


def _is_idle(status: BridgeStatus, mapping: MappingStatus) -> bool:
    """Tell whether a pod has nothing of a mapping to run, because others have it."""
    return (
        mapping.direction is Direction.MQTT_TO_KAFKA
        and mapping.trouble is None
        and all(session.mapping != mapping.name for session in status.sessions)
    )


def _troubles(mapping: MappingStatus) -> Iterator[Trouble]:
    """Yield each trouble of a mapping once: a link's is often the mapping's, too."""
    said: list[Trouble] = []
    for trouble in (mapping.trouble, mapping.mqtt.trouble, mapping.kafka.trouble):
        if trouble is not None and trouble not in said:
            said.append(trouble)
            yield trouble


def _sum(counts: Iterable[Counts]) -> Counts:
    total: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    for each in counts:
        dropped.update(each.dropped)
        total.update({name: value for name, value in each if name != "dropped"})
    return Counts.model_validate({**total, "dropped": dict(dropped)})


def _sessions(answers: Iterable[BridgeStatus]) -> Iterator[SessionReport]:
    for status in answers:
        for session in status.sessions:
            fields = {name: getattr(session, name) for name in SessionStatus.model_fields}
            yield SessionReport(bridge=_identity(status), pod=status.pod, **fields)
