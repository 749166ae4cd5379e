"""The simulated producer port: batches that are stored, refused, lost, or stored much later."""

import asyncio
from asyncio import Future
from collections.abc import Callable, Sequence
from functools import partial

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import PassingError
from mqtt_kafka_bridge.flows.ports import Batch, Header, Topic, TopicPartition
from mqtt_kafka_bridge.mapping.sizes import record_bytes
from tests.support.simulation.kafka_log import KafkaState
from tests.support.simulation.life import Life

METADATA_SECONDS = 10.0
LATEST_SECONDS = 40.0
"""A batch that its producer gave up is stored within this time, or never."""

_LATE = 0.5


class TooLargeError(Exception):
    """A batch was refused for its size."""


class SimulatedBatch:
    """Records on their way."""

    def __init__(self, max_bytes: int) -> None:
        self.records: list[tuple[bytes | None, bytes | None, list[Header]]] = []
        self.size = 0
        self._max_bytes = max_bytes

    def append(
        self,
        *,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
    ) -> object | None:
        """Add a record; None when the batch is full."""
        del timestamp
        size = record_bytes(key, value, [(name, data or b"") for name, data in headers])
        if self.records and self.size + size > self._max_bytes:
            return None
        self.records.append((key, value, list(headers)))
        self.size += size
        return self

    def record_count(self) -> int:
        """How many records it holds."""
        return len(self.records)


class SimulatedProducer:
    """One producer's life.

    Args:
        state: the cluster.
        life: the process that opened it.
        spent: called once if what was stored by it may have to be written again.
    """

    def __init__(self, state: KafkaState, life: Life, spent: Callable[[], None]) -> None:
        self._state = state
        self._life = life
        self._spent = spent
        self._closed = False
        self._failed = False
        self._under_way: dict[Future[object], tuple[TopicPartition, SimulatedBatch]] = {}
        self._decided: set[Future[object]] = set()
        """Whose batch is stored, or never will be: a broker stores a batch once."""
        self._known: dict[str, tuple[float, int]] = {}

    def new_batch(self, max_bytes: int) -> Batch:
        """Return an empty batch."""
        return SimulatedBatch(max_bytes)

    async def send(self, batch: Batch, topic: str, partition: int) -> Future[object]:
        """Hand a batch over; chance decides what becomes of it."""
        state = self._state
        assert isinstance(batch, SimulatedBatch)
        place = TopicPartition(topic, partition)
        if self._closed:
            raise PassingError(Reason.KAFKA_WRITE_FAILED, "the producer is closed")
        if topic not in state.topics:
            self._spend()  # Whoever had batches stored before it was deleted begins anew.
        state.existing(topic)
        if any(other == place for other, _ in self._under_way.values()):
            state.journal.wrong("port", f"two batches at once for {place}")
        stored: Future[object] = state.loop.create_future()
        self._under_way[stored] = place, batch
        state.loop.later(
            state.rng.choice((0.0, 0.001, 0.01, state.slowest_write_seconds)),
            self._arrives,
            stored,
            place,
            batch,
        )
        return stored

    def _arrives(
        self, stored: Future[object], place: TopicPartition, batch: SimulatedBatch
    ) -> None:
        """Let the broker take the batch, or whatever comes instead."""
        state, fate = self._state, self._state.batch_fate
        if stored.done() or self._closed:
            return  # `abandon` has decided.
        if not self._life.alive and state.rng.random() < _LATE:
            return  # It died with its process.
        cut_off = self._life.without_kafka and self._life.alive
        if not state.thawed.is_set() or (cut_off and not state.down):
            state.loop.later(0.2, self._arrives, stored, place, batch)
            return
        topic = state.topics.get(place.topic)
        if topic is not None and batch.size > topic.max_bytes:
            self._answer(stored, TooLargeError(f"{batch.size} > {topic.max_bytes}"))
            return
        chance = state.rng.random()
        refusal = PassingError(Reason.KAFKA_WRITE_FAILED, "the simulated Kafka refuses")
        if self._failed or state.down or (chance := chance - fate.refused) < 0:
            # After a failed batch an idempotent producer's next ones are out of sequence.
            self._answer(stored, refusal)
        elif (chance := chance - fate.lost) < 0:
            self._decided.add(stored)
            state.journal.note(f"batch lost {place}")
        elif (chance := chance - fate.answer_lost) < 0:
            self._decided.add(stored)
            state.store(place, batch.records)
        elif (chance := chance - fate.stored_and_refused) < 0:
            state.store(place, batch.records)
            self._answer(stored, refusal)
        elif chance - fate.late < 0:
            state.loop.later(state.rng.uniform(1, 15), self._arrives, stored, place, batch)
        else:
            there = state.store(place, batch.records)
            self._answer(stored, None if there else refusal)

    def _answer(self, stored: Future[object], error: Exception | None) -> None:
        self._decided.add(stored)
        self._state.loop.later(
            self._state.rng.choice((0.0, 0.001, 0.05)),
            partial(self._life.soon, self._settle, stored, error),
        )

    def _settle(self, stored: Future[object], error: Exception | None) -> None:
        self._under_way.pop(stored, None)
        if stored.done():
            return
        if error is None:
            stored.set_result(None)
        else:
            self._failed = True
            self._spend()
            stored.set_exception(error)
            stored.exception()

    async def topic(self, name: str) -> Topic:
        """Look a topic up."""
        state = self._state
        await state.answer(self._life)
        topic = state.existing(name)
        self._known[name] = state.loop.time(), len(topic.logs)
        return Topic(len(topic.logs), topic.told_max_bytes, 2)

    def age(self, seconds: float) -> None:
        """Let its metadata be so much older."""
        self._known = {name: (at - seconds, count) for name, (at, count) in self._known.items()}

    def partitions(self, name: str) -> int | None:
        """Partitions of a topic, as of at most METADATA_SECONDS ago."""
        at, count = self._known.get(name, (0.0, 0))
        if count and self._state.loop.time() - at > METADATA_SECONDS and name in self._state.topics:
            count = max(count, len(self._state.topics[name].logs))
            self._known[name] = self._state.loop.time(), count
        return count or None

    def mend(self) -> None:
        """Take batches again after one failed, as no real producer can: for mutants."""
        self._failed = False

    @property
    def silent_seconds(self) -> float:
        """How long Kafka has not been heard."""
        state, life = self._state, self._life
        if not life.without_kafka:
            return state.silent_seconds
        return max(state.silent_seconds, state.loop.time() - life.without_kafka_since)

    async def create_topic(self, name: str) -> None:
        """Create a topic."""
        await self._state.answer(self._life)
        if name not in self._state.topics:
            self._state.create(name, 1, 1_048_576)

    async def close(self) -> None:
        """Wait for what is under way, then disconnect."""
        if self._under_way:
            await asyncio.wait(list(self._under_way))
        await self.abandon()

    async def abandon(self) -> None:
        """Disconnect; each batch under way may be stored at once, later, or never."""
        if self._closed:
            return
        self._closed = True
        state, rng = self._state, self._state.rng
        if self._under_way:
            self._spend()
        for stored, (place, batch) in list(self._under_way.items()):
            topic = state.topics.get(place.topic)
            fits = topic is not None and batch.size <= topic.max_bytes
            if fits and stored not in self._decided and rng.random() < _LATE:
                delay = rng.choice((0.0, rng.uniform(0, LATEST_SECONDS)))
                state.loop.later(delay, self._late, place, batch)
            if not stored.done():
                stored.set_exception(PassingError(Reason.KAFKA_WRITE_FAILED, "abandoned"))
                stored.exception()
        self._under_way.clear()
        if self._life.alive:
            await asyncio.sleep(rng.choice((0.0, 0.01)))

    def _late(self, place: TopicPartition, batch: SimulatedBatch) -> None:
        self._state.journal.note(f"late batch {place}")
        self._state.store(place, batch.records)

    def _spend(self) -> None:
        spent, self._spent = self._spent, lambda: None
        spent()
