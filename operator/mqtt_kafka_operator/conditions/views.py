"""One mapping over all pods: a session runs on one of them, partitions of Kafka on several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from mqtt_kafka_bridge.contract import BridgeStatus
from mqtt_kafka_bridge.contract.status import (
    Direction,
    LinkStatus,
    MappingState,
    MappingStatus,
    Reason,
    SessionState,
    Trouble,
)
from mqtt_kafka_operator.api.status import MappingSummary, SessionCounts
from mqtt_kafka_operator.conditions.cures import cure
from mqtt_kafka_operator.conditions.order import ON_THE_MOVE, STATES_WORST_FIRST, rank
from mqtt_kafka_operator.conditions.verdict import bounded, sentence
from mqtt_kafka_operator.facts import Facts

MOST_MAPPINGS = 200
MOST_BYTES = 500
"""Of a mapping's message: there may be 200 of them in one object."""
_CONNECTED = (SessionState.FORWARDING, SessionState.HOLDING)
_NOWHERE = Trouble(
    reason=Reason.STARTING,
    message="no pod has it at this moment",
    cure="wait; if it stays, see the logs of the pods",
)
_NOT_YET = Trouble(
    reason=Reason.STARTING,
    message="the pods that run do not have it yet",
    cure="wait for the roll-out, see Progressing",
)


@dataclass(frozen=True, slots=True)
class View:
    """A mapping, and what those pods say of it that have something of it to run."""

    name: str
    direction: Direction
    statements: Sequence[MappingStatus] = ()
    absence: Trouble | None = None
    """Why there are no statements though pods answer."""

    @property
    def _worst(self) -> MappingStatus | None:
        return min(
            self.statements,
            key=lambda it: (
                STATES_WORST_FIRST.index(it.state),
                rank(it.trouble),
                it.trouble.message if it.trouble else "",
            ),
            default=None,
        )

    @property
    def state(self) -> MappingState | None:
        """The worst of the pods' states; None: a pod that may have it can't be asked."""
        if self.absence is not None:
            return MappingState.WAITING
        return self._worst.state if self._worst else None

    @property
    def trouble(self) -> Trouble | None:
        """Why it does not forward."""
        return self._worst.trouble if self._worst else self.absence

    @property
    def is_well(self) -> bool:
        """Whether nothing is known to keep it from forwarding, or from being read to its end."""
        return self.state in {MappingState.FORWARDING, MappingState.DRAINING, None}

    @property
    def is_on_the_move(self) -> bool:
        """Whether it waits for nothing but pods that come or go."""
        trouble = self.trouble
        return trouble is None or trouble.reason in ON_THE_MOVE

    @property
    def troubles(self) -> Iterator[Trouble]:
        """Everything that is wrong with it or its links, on any pod."""
        for said in self.statements:
            yield from filter(None, (said.trouble, said.mqtt.trouble, said.kafka.trouble))

    @property
    def risks(self) -> Iterator[Trouble]:
        """What endangers its messages."""
        return chain.from_iterable(said.risks for said in self.statements)

    def links(self, side: str) -> Sequence[LinkStatus]:
        """Return its links to mqtt or kafka."""
        return [said.mqtt if side == "mqtt" else said.kafka for said in self.statements]


def views(facts: Facts) -> Sequence[View]:
    """Return every mapping of the spec and of the pods, by name."""
    wanted: dict[tuple[str, Direction], None] = {}
    if facts.spec is not None and not facts.mistakes:
        wanted |= {(it.name, Direction.MQTT_TO_KAFKA): None for it in facts.spec.mqtt_to_kafka}
        wanted |= {(it.name, Direction.KAFKA_TO_MQTT): None for it in facts.spec.kafka_to_mqtt}
    known = {(it.name, it.direction): None for pod in facts.statuses for it in pod.mappings}
    return [_view(facts, *key, known=key in known) for key in sorted(wanted | known)][
        :MOST_MAPPINGS
    ]


def _view(facts: Facts, name: str, direction: Direction, *, known: bool) -> View:
    said = [
        mapping
        for pod in facts.statuses
        for mapping in pod.mappings
        if (mapping.name, mapping.direction) == (name, direction) and not _is_idle(pod, mapping)
    ]
    # A pod that starts says nothing about a mapping that runs elsewhere.
    started = [it for it in said if it.trouble is None or it.trouble.reason is not Reason.STARTING]
    absence = None
    if not said and facts.statuses and not is_unheard(facts):
        absence = _NOWHERE if known else _NOT_YET
    return View(name, direction, started or said, absence)


def is_unheard(facts: Facts) -> bool:
    """Tell whether a pod that Kubernetes finds ready, and that may run anything, does not tell."""
    return any(
        pod.ready and not isinstance(facts.answers.get(pod.name), BridgeStatus)
        for pod in facts.staying
    )


def _is_idle(pod: BridgeStatus, mapping: MappingStatus) -> bool:
    """Tell whether a pod has nothing of a mapping to run, because others have it."""
    return (
        mapping.direction is Direction.MQTT_TO_KAFKA
        and mapping.trouble is None
        and all(session.mapping != mapping.name for session in pod.sessions)
    )


def summary(view: View, facts: Facts) -> MappingSummary:
    """Return a mapping as the status shows it."""
    trouble = view.trouble
    state = view.state.value if view.state else "Paused" if facts.paused else "Unknown"
    return MappingSummary(
        name=view.name,
        direction=view.direction.value,
        state=state,
        reason=trouble.reason.value if trouble else "",
        message=bounded(sentence(trouble.message, cure(trouble, facts.name, view.name)), MOST_BYTES)
        if trouble
        else "",
    )


def session_counts(facts: Facts) -> SessionCounts:
    """Return how many MQTT sessions there should be, and are connected."""
    wanted = {it.name: it.sessions for it in facts.spec.mqtt_to_kafka} if facts.spec else {}
    connected: dict[str, set[str]] = {}
    for pod in facts.statuses:
        for session in pod.sessions:
            if session.state in _CONNECTED:
                connected.setdefault(session.mapping, set()).add(session.client_id)
    return SessionCounts(
        desired=sum(wanted.values()),
        connected=sum(min(n, len(connected.get(name, ()))) for name, n in wanted.items()),
    )
