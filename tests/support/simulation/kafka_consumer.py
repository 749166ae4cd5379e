"""The simulated consumer port: positions over gaps, pauses, revocations, commits that may fail."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import aiokafka
from aiokafka.errors import CommitFailedError

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import PassingError
from mqtt_kafka_bridge.flows.ports import ConsumerEvents, Fetched, TopicPartition
from tests.support.simulation.kafka_client import Beginning, KafkaClient
from tests.support.simulation.kafka_group import Group
from tests.support.simulation.kafka_log import KafkaState, Record
from tests.support.simulation.life import Life

LONGEST_SILENCE_SECONDS = 300.0
_COMPLAINT, _HALF = 0.3, 0.5


class SimulatedConsumer:
    """A member of a group.

    Args:
        state: the cluster.
        group: its group.
        beginning: where to begin.
        events: the flow.
        life: its process.
        finished: whether a record has met its fate, so that its offset may be committed.
        given_up: called when it ends, before it leaves, and when its partitions were taken away
            and it has finished with them; with a word why.
    """

    def __init__(
        self,
        state: KafkaState,
        group: Group,
        beginning: Beginning,
        events: ConsumerEvents,
        life: Life,
        finished: Callable[[TopicPartition, Record], bool],
        given_up: Callable[[str], None],
    ) -> None:
        self.life = life
        self.assigned = False
        """Whether the flow has partitions, or has been given some."""
        self.fenced = False
        """Whether it was thrown out of the group: its commits are refused."""
        self._state = state
        self._group = group
        self._beginning = beginning
        self._client = KafkaClient(state, life, group.commits, self)
        self._events = events
        self._finished = finished
        self._given_up = given_up
        self._owned: Sequence[TopicPartition] = ()
        self._positions: dict[TopicPartition, int] = {}
        self._unsettled: list[TopicPartition] | None = None
        self._stale = False
        """Whether it was thrown out, and has no new partitions yet: then it fetches no more."""
        self._revoking = 0
        self._held = False
        self._failure: Exception | None = None
        self.closed = False
        self._fetched_at = state.loop.time()

    # What the flow does with it

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Fetched]:
        """Return what there is, waiting up to the time-out for the first record."""
        state = self._state
        self._check()
        if state.loop.time() - self._fetched_at > LONGEST_SILENCE_SECONDS:
            state.journal.wrong("port", "a consumer was not polled in time")
        self._fetched_at = state.loop.time()
        deadline = state.loop.time() + timeout_seconds
        await asyncio.sleep(state.rng.choice((0.0, 0.0, 0.001, 0.02)))
        while True:
            self._check()
            await self._settle()
            fetched = self._take(max_records) if state.thawed.is_set() else []
            if fetched:
                return fetched
            if self._is_away() and state.rng.random() < _COMPLAINT:
                raise PassingError(Reason.KAFKA_UNREACHABLE, "the simulated Kafka is silent")
            left = deadline - state.loop.time()
            if left <= 0:
                return []
            await state.news.wait(left)

    def _is_away(self) -> bool:
        return self._state.down or self.life.without_kafka

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.fenced:
            self._rejoin()

    def _rejoin(self) -> None:
        """Come back as a new member, as a real client does by itself."""
        if self._revoking or self._is_away():
            return
        self.fenced = False
        self._group.join(self)

    async def _settle(self) -> None:
        while (unsettled := self._unsettled) is not None:
            places = [aiokafka.TopicPartition(*place) for place in unsettled]
            try:
                found = await self._beginning.find(self._client, places)
            except CommitFailedError:
                return  # The group is assigning anew.
            if self._unsettled is not unsettled:
                continue
            self._unsettled = None
            begin = {TopicPartition(*place): position for place, position in found.items()}
            self._positions = dict(begin)
            self._state.journal.note(f"assigned {sorted(begin.items())}")
            self._events.assigned(begin)

    def _take(self, max_records: int) -> list[Fetched]:
        if self._held or self._stale or self._unsettled is not None or self._is_away():
            return []
        fetched = []
        for place, position in self._positions.items():
            topic = self._state.topics.get(place.topic)
            if topic is None:
                continue
            most = min(max_records, self._state.rng.choice((1, 7, 5000)))
            records, behind = topic.logs[place.partition].read(position, most)
            if behind != position:
                self._positions[place] = behind
                fetched.append(Fetched(place, records, behind))
                max_records -= len(records)
            if max_records <= 0:
                break
        return fetched

    def hold(self, held: bool) -> None:  # noqa: FBT001 - as the port has it
        """Pause, or go on."""
        self._held = held

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit what is ours; the answer may be lost."""
        state = self._state
        ours = {place: position for place, position in positions.items() if self._owns(place)}
        if not ours or self.fenced:
            return
        for place, position in ours.items():
            self._check_commit(place, position)
        await state.answer(self.life)
        failed = state.rng.random() < state.commit_failures
        if not self.life.alive or self.fenced or (failed and state.rng.random() < _HALF):
            pass
        else:
            state.journal.note(f"commit {sorted(ours.items())}")
            self._group.commits.update(
                {place: position for place, position in ours.items() if self._owns(place)}
            )
        if failed:
            raise PassingError(Reason.KAFKA_UNREACHABLE, "no answer to a commit")

    def _owns(self, place: TopicPartition) -> bool:
        return place in self._owned

    def _check_commit(self, place: TopicPartition, position: int) -> None:
        """See that everything before a position has met its fate."""
        since = self._group.commits.get(place, 0)
        for record in self._state.kept.get(place, ()):
            if since <= record.offset < position and not self._finished(place, record):
                self._state.journal.wrong("W", f"commit {place} {position} over {record}")
                return

    def rewind(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch again from these positions."""
        for place, position in positions.items():
            if place in self._positions:
                self._positions[place] = position

    async def close(self) -> None:
        """Leave the group."""
        if self.closed:
            return
        self.closed = True
        self._given_up("a consumer's end")
        if not self._is_away():
            await asyncio.sleep(self._state.rng.choice((0.0, 0.01)))
            self._group.leave(self)

    # What the group does with it

    async def revoke(self) -> None:
        """Let the flow finish; a flow that was told of nothing has nothing to finish."""
        self._unsettled = None
        known, self._positions = list(self._positions), {}
        self._revoking += 1
        try:
            if known and self.life.alive and not self.closed:
                await self._events.revoking(known)
        except PassingError as error:
            self._failure = error
        finally:
            self._revoking -= 1
            self._owned = ()
            self.assigned = False
            self._given_up("a revocation")

    def evict(self) -> None:
        """Throw it out: it has been silent for too long, and learns of it when it asks again."""
        self.fenced = self._stale = True
        self._given_up("an eviction")

    def assign(self, places: list[TopicPartition]) -> None:
        """Give it partitions; the flow learns of them in its next fetch."""
        self.assigned, self._stale = True, False
        self._owned = tuple(places)
        self._unsettled = places
        self._state.news.ring()
