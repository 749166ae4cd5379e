"""The simulated group whose members are the pods: generations, evictions, fenced commits."""

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from mqtt_kafka_bridge.coordination.assignor import Member, assign, decode_member
from mqtt_kafka_bridge.flows.coordination_port import SESSION_TIMEOUT_SECONDS
from tests.support.simulation.kafka_log import KafkaState
from tests.support.simulation.life import Life

REBALANCE_SECONDS = 15.0
_TICK_SECONDS = 0.25


class Pod(Protocol):
    """A member's side."""

    life: Life
    closed: bool

    def myself(self) -> bytes:
        """Return what it tells the leader."""
        ...

    def assigned(
        self, member_id: str, generation: int, slots: frozenset[int], present: frozenset[str]
    ) -> None:
        """Take what the leader gave it."""
        ...

    def lost(self) -> None:
        """Learn that the group does not know it."""
        ...


class Refusal(Enum):
    """What Kafka says to a commit."""

    UNKNOWN_MEMBER = auto()
    ILLEGAL_GENERATION = auto()
    REBALANCE_IN_PROGRESS = auto()


class _Phase(Enum):
    STABLE = auto()
    PREPARING = auto()
    COMPLETING = auto()


@dataclass(slots=True)
class _Seat:
    """What the coordinator knows of a member."""

    pod: Pod
    heard_at: float
    told: Member | None = None
    """What it said when it joined; None: it has yet to join again."""
    share: frozenset[int] | None = None
    """What it has yet to be told that it was assigned."""


class SlotGroup:
    """The group.

    Args:
        state: the cluster.
        slots: how many there are.
    """

    def __init__(self, state: KafkaState, slots: int) -> None:
        self.generation = 0
        self.slots = slots
        self._state = state
        self._pods: dict[Pod, None] = {}
        """Who wants to be a member, or is one."""
        self._seats: dict[str, _Seat] = {}
        """By member id, in the order of joining: the first one leads."""
        self._ids: dict[Pod, str] = {}
        self._phase = _Phase.STABLE
        self._since = 0.0
        self._present: frozenset[str] = frozenset()
        self._joined = 0
        self._ticking = False
        self.owners: dict[int, Life] = {}
        """To whom each slot was last assigned."""

    def join(self, pod: Pod) -> None:
        """Let a pod take part, and again whenever it is thrown out, until it leaves."""
        self._pods[pod] = None
        if not self._ticking:
            self._ticking = True
            self._tick()

    def leave(self, pod: Pod) -> None:
        """Let a member go."""
        self._pods.pop(pod, None)
        self._remove(pod, "left")

    @property
    def owners_now(self) -> dict[int, str]:
        """The names of the pods that slots were last assigned to."""
        return {slot: life.name for slot, life in sorted(self.owners.items())}

    def commit(self, member_id: str, generation: int) -> Refusal | None:
        """Take a commit, or say why not."""
        if member_id not in self._seats:
            return Refusal.UNKNOWN_MEMBER
        if generation != self.generation:
            return Refusal.ILLEGAL_GENERATION
        if self._phase is _Phase.COMPLETING:
            return Refusal.REBALANCE_IN_PROGRESS
        return None

    def knows(self, member_id: str) -> bool:
        """Tell whether somebody is a member."""
        return member_id in self._seats

    def rebalance(self) -> None:
        """Ask everybody to join again."""
        if self._phase is not _Phase.PREPARING:
            self._phase, self._since = _Phase.PREPARING, self._state.loop.now
            for seat in self._seats.values():
                seat.told = seat.share = None

    # Inside

    def _tick(self) -> None:
        """Let some members be heard, and do what is due."""
        state = self._state
        if state.well:
            for pod in list(self._pods):
                self._hear(pod)
            self._go_on()
        else:
            for seat in self._seats.values():
                seat.heard_at = state.loop.now
        self._ticking = bool(self._pods)
        if self._ticking:
            state.loop.later(_TICK_SECONDS, self._tick)

    def _hear(self, pod: Pod) -> None:
        seat = self._seats.get(self._ids.get(pod, ""))
        if pod.closed or not pod.life.in_touch:
            silent = 0.0 if seat is None else self._state.loop.now - seat.heard_at
            if silent > SESSION_TIMEOUT_SECONDS:
                self._remove(pod, "evicted")
            if seat is None and (pod.closed or not pod.life.alive):
                del self._pods[pod]
            return
        if self._state.rng.random() < 0.5:
            return  # Its heartbeat comes with the next tick.
        if seat is None:
            self._take_in(pod)
            return
        seat.heard_at = self._state.loop.now
        if self._phase is _Phase.PREPARING and seat.told is None:
            seat.told = decode_member(self._ids[pod], pod.myself())
        elif self._phase is _Phase.STABLE and seat.share is not None:
            share, seat.share = seat.share, None
            args = self._ids[pod], self.generation, share, self._present
            pod.life.soon(pod.assigned, *args)

    def _take_in(self, pod: Pod) -> None:
        """Give a pod a new seat; whatever it had before is gone."""
        pod.lost()
        self._joined += 1
        member_id = self._ids[pod] = f"{pod.life.name}-{self._joined}"
        self._seats[member_id] = _Seat(pod, self._state.loop.now)
        self._state.journal.note(f"joins {member_id}")
        self.rebalance()

    def _remove(self, pod: Pod, why: str) -> None:
        member_id = self._ids.pop(pod, None)
        if member_id is not None and self._seats.pop(member_id, None) is not None:
            self._state.journal.note(f"{why} {member_id}")
            self._phase = _Phase.STABLE
            self.rebalance()

    def _go_on(self) -> None:
        """Complete what can be completed."""
        if self._phase is _Phase.PREPARING:
            late = [seat.pod for seat in self._seats.values() if seat.told is None]
            if late and self._state.loop.now - self._since > REBALANCE_SECONDS:
                for pod in late:
                    self._remove(pod, "evicted")
            elif self._seats and not late:
                self.generation += 1
                self._phase = _Phase.COMPLETING
        elif self._phase is _Phase.COMPLETING:
            leader = next(iter(self._seats.values()), None)
            if leader is not None and leader.pod.life.in_touch:
                self._assign()

    def _assign(self) -> None:
        members = [seat.told for seat in self._seats.values() if seat.told is not None]
        shares = assign(members, self.slots)
        self._present = frozenset(member.instance for member in members)
        self._phase = _Phase.STABLE
        told: dict[str, list[int]] = defaultdict(list)
        for member_id, seat in self._seats.items():
            seat.share = shares[member_id]
            self.owners |= dict.fromkeys(seat.share, seat.pod.life)
            told[member_id] = sorted(seat.share)
        self._state.journal.note(f"generation {self.generation}: {dict(told)}")
