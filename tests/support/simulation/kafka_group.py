"""The simulated consumer group: members, generations, rebalances that revoke before they assign."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mqtt_kafka_bridge.flows.ports import TopicPartition
from tests.support.simulation.kafka_log import KafkaState

if TYPE_CHECKING:
    from tests.support.simulation.kafka_consumer import SimulatedConsumer

SESSION_SECONDS = 10.0
REBALANCE_SECONDS = 60.0
_WATCH_SECONDS = 1.0


class Group:
    """One group. A rebalance is a task of its own, as the coordinator's is in a real client."""

    def __init__(self, state: KafkaState, name: str, topics: Iterable[str]) -> None:
        self.name = name
        self.topics = list(topics)
        self.members: dict[SimulatedConsumer, float] = {}
        """When each was last heard."""
        self.commits = state.commits.setdefault(name, {})
        self._state = state
        self._revoked: dict[SimulatedConsumer, asyncio.Future[None]] = {}
        self._rebalancing: asyncio.Task[None] | None = None
        self._again = False
        self._watched = False

    def join(self, member: "SimulatedConsumer") -> None:
        """Take a member in."""
        self.members[member] = self._state.loop.now
        self.rebalance()
        if not self._watched:
            self._watched = True
            self._watch()

    def leave(self, member: "SimulatedConsumer") -> None:
        """Let a member go."""
        if self.members.pop(member, None) is not None:
            self._finish_revoking(member)
            self.rebalance()

    def _watch(self) -> None:
        """Throw out who has been silent for too long; while nobody can be heard, nobody is."""
        now, well = self._state.loop.now, self._state.well
        for member, heard_at in list(self.members.items()):
            if (member.life.in_touch and not member.closed) or not well:
                self.members[member] = now
            elif now - heard_at > SESSION_SECONDS:
                self._state.journal.note(f"evicted {member.life.name} from {self.name}")
                member.evict()
                self.leave(member)
        self._watched = bool(self.members)
        if self._watched:
            self._state.loop.later(_WATCH_SECONDS, self._watch)

    def rebalance(self) -> None:
        """Begin a rebalance, or do one more when this one is done."""
        if self._rebalancing is not None and not self._rebalancing.done():
            self._again = True
            return
        loop = self._state.loop
        self._rebalancing = loop.create_task(
            self._rebalance(), name="simulated rebalance", context=loop.world.copy()
        )

    async def _rebalance(self) -> None:
        while True:
            self._again = False
            self._state.journal.note(f"rebalance {self.name}")
            await self._revoke()
            if not self._again:
                self._assign()
            if not self._again:
                return

    async def _revoke(self) -> None:
        """Let every member finish; one that takes too long, or is silent, is thrown out."""
        for member in self.members:
            if member.assigned:
                self._revoked[member] = self._state.loop.create_future()
                task = member.life.begin(member.revoke(), "simulated revoke")
                task.add_done_callback(lambda _, member=member: self._finish_revoking(member))  # type: ignore[misc]
        if not self._revoked:
            return
        await asyncio.wait(list(self._revoked.values()), timeout=REBALANCE_SECONDS)
        for member in list(self._revoked):
            self._state.journal.note("a member is thrown out: it does not rejoin in time")
            member.evict()
            self.leave(member)

    def _finish_revoking(self, member: "SimulatedConsumer") -> None:
        revoked = self._revoked.pop(member, None)
        if revoked is not None:
            revoked.set_result(None)

    def _assign(self) -> None:
        places = sorted(
            TopicPartition(topic, number)
            for topic in self.topics
            if topic in self._state.topics
            for number in range(len(self._state.topics[topic].logs))
        )
        members = list(self.members)
        for index, member in enumerate(members):
            member.assign(places[index :: len(members)])


def uncommitted(state: KafkaState, group: Group | None, counts: Callable[[bytes], bool]) -> int:
    """Return how many records behind the group's commits satisfy `counts`."""
    if group is None:
        return 0
    return sum(
        record.offset >= group.commits.get(place, 0) and counts(record.value or b"")
        for place, records in state.kept.items()
        if place.topic in group.topics
        for record in records
    )
