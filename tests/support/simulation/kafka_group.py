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


class Group:
    """One group. A rebalance is a task of its own, as the coordinator's is in a real client."""

    def __init__(self, state: KafkaState, name: str, topics: Iterable[str]) -> None:
        self.name = name
        self.topics = list(topics)
        self.members: list[SimulatedConsumer] = []
        self.commits = state.commits.setdefault(name, {})
        self._state = state
        self._rebalancing: asyncio.Task[None] | None = None
        self._again = False

    def join(self, member: "SimulatedConsumer") -> None:
        """Take a member in."""
        self.members.append(member)
        self.rebalance()

    def leave(self, member: "SimulatedConsumer") -> None:
        """Let a member go."""
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def lost(self, member: "SimulatedConsumer") -> None:
        """Throw a member out when its session has passed: its process is dead."""
        self._state.loop.call_later(
            self._state.rng.uniform(0.1, SESSION_SECONDS), self.leave, member
        )

    def rebalance(self) -> None:
        """Begin a rebalance, or do one more when this one is done."""
        if self._rebalancing is not None and not self._rebalancing.done():
            self._again = True
            return
        self._rebalancing = asyncio.create_task(self._rebalance(), name="simulated rebalance")

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
        """Let every member that lives finish; one that takes too long is thrown out."""
        state = self._state
        waiting = {
            asyncio.create_task(member.revoke(), name="simulated revoke"): member
            for member in self.members
            if member.assigned
        }
        if not waiting:
            return
        _, slow = await asyncio.wait(list(waiting), timeout=REBALANCE_SECONDS)
        for task in slow:
            state.journal.note("a member is thrown out: it does not rejoin in time")
            waiting[task].fenced = True
            task.cancel()

    def _assign(self) -> None:
        places = sorted(
            TopicPartition(topic, number)
            for topic in self.topics
            if topic in self._state.topics
            for number in range(len(self._state.topics[topic].logs))
        )
        members = [member for member in self.members if member.alive() and not member.fenced]
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
