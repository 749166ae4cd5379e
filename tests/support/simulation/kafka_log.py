"""The simulated Kafka's state: topics, partition logs with gaps, groups' commits, and faults."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, TypeVar

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Bell
from mqtt_kafka_bridge.flows.ports import Header, TopicPartition
from tests.support.simulation.clock import SimulatedLoop
from tests.support.simulation.fates import Stored
from tests.support.simulation.journal import Journal
from tests.support.simulation.life import Life

Answer = TypeVar("Answer")


class Record(NamedTuple):
    """A record in a log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]


@dataclass(slots=True)
class Log:
    """One partition: records by offset, with gaps, and the offset after the last."""

    records: list[Record] = field(default_factory=list)
    end: int = 0

    def append(
        self, key: bytes | None, value: bytes | None, headers: list[Header], timestamp: int = -1
    ) -> Record:
        """Store a record."""
        record = Record(self.end, timestamp, key, value, headers)
        self.records.append(record)
        self.end += 1
        return record

    def gap(self, size: int) -> None:
        """Leave out offsets: control records of transactions, aborted ones."""
        self.end += size

    def read(self, position: int, most: int) -> tuple[list[Record], int]:
        """Return records from a position on, and the position behind them."""
        found = [record for record in self.records if record.offset >= position]
        if len(found) > most:
            return found[:most], found[most - 1].offset + 1
        return found, self.end


@dataclass(slots=True)
class SimulatedTopic:
    """A topic: what it takes, and what it says that it takes."""

    logs: list[Log]
    max_bytes: int
    told_max_bytes: int


class BatchFate(NamedTuple):
    """How likely each end of a batch is, beside being stored and answered."""

    refused: float = 0.0
    lost: float = 0.0
    answer_lost: float = 0.0
    stored_and_refused: float = 0.0
    late: float = 0.0


class KafkaState:
    """One cluster.

    Args:
        loop: the simulated loop.
        rng: decides what chance decides.
        journal: where everything is written down.
        stored: the truth of what is stored.
    """

    def __init__(self, loop: SimulatedLoop, rng: Random, journal: Journal, stored: Stored) -> None:
        self.loop = loop
        self.rng = rng
        self.journal = journal
        self.stored = stored
        self.topics: dict[str, SimulatedTopic] = {}
        self.forbidden: set[str] = set()
        """Topics that may not be written."""
        self.kept: dict[TopicPartition, list[Record]] = {}
        """All records that were ever stored, also in topics that were deleted."""
        self.history: list[tuple[TopicPartition, Record]] = []
        """The same, in the order of storing."""
        self.commits: dict[str, dict[TopicPartition, int]] = {}
        self.batch_fate = BatchFate()
        self.down = False
        self.commit_failures = 0.0
        self.slowest_write_seconds = 0.3
        self.write_failures = 0.0
        """How likely a write to the coordination topic gets no answer."""
        self.reader_lag_seconds = 0.05
        self.news = Bell()
        """Rings when something is stored."""
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._heard_at = 0.0

    @property
    def silent_seconds(self) -> float:
        """How long nobody has had an answer."""
        return 0.0 if self.well else self.loop.time() - self._heard_at

    @property
    def well(self) -> bool:
        """Whether it answers at all."""
        return self.thawed.is_set() and not self.down

    def freeze(self, *, frozen: bool) -> None:
        """Answer nothing, or go on where it stood."""
        self._heard_at = self.loop.time() - self.silent_seconds
        (self.thawed.clear if frozen else self.thawed.set)()

    def fall(self, *, down: bool) -> None:
        """Be gone, or there again."""
        self._heard_at = self.loop.time() - self.silent_seconds
        self.down = down

    def create(self, name: str, partitions: int, max_bytes: int, told: int | None = None) -> None:
        """Create a topic."""
        logs = [Log() for _ in range(partitions)]
        self.topics[name] = SimulatedTopic(logs, max_bytes, told or max_bytes)

    def delete(self, name: str) -> None:
        """Delete a topic, and what is in it."""
        self.topics.pop(name, None)

    def add_partition(self, name: str) -> None:
        """Add an empty partition."""
        if name in self.topics:
            self.topics[name].logs.append(Log())

    def existing(self, name: str) -> SimulatedTopic:
        """Return a topic.

        Raises:
            MustFixError: it is missing, or forbidden.
        """
        if name in self.forbidden:
            raise MustFixError(Reason.TOPIC_FORBIDDEN, f"the topic {name} is forbidden")
        topic = self.topics.get(name)
        if topic is None:
            raise MustFixError(Reason.TOPIC_MISSING, f"the topic {name} does not exist")
        return topic

    def store(
        self, place: TopicPartition, batch: list[tuple[bytes | None, bytes | None, list[Header]]]
    ) -> bool:
        """Store a batch; return whether its partition is there."""
        topic = self.topics.get(place.topic)
        if topic is None or place.partition >= len(topic.logs):
            return False
        kept = self.kept.setdefault(place, [])
        for key, value, headers in batch:
            record = topic.logs[place.partition].append(key, value, headers)
            kept.append(record)
            self.history.append((place, record))
            self.stored.add(place.topic, value, headers)
            self.journal.note(f"stored {place.topic}-{place.partition} {(value or b'')[:40]!r}")
        self.news.ring()
        return True

    async def answer(self, life: Life) -> None:
        """Wait as long as an answer to this process takes.

        Raises:
            PassingError: there is none.
        """
        await asyncio.sleep(self.rng.choice((0.0, 0.001, 0.01, 0.1)))
        await self.thawed.wait()
        if self.down or life.without_kafka:
            await asyncio.sleep(self.rng.uniform(0, 3))
            raise PassingError(Reason.KAFKA_UNREACHABLE, "the simulated Kafka is down")

    async def request(self, life: Life, serve: Callable[[], Answer]) -> Answer:
        """Let the cluster serve a request, whatever the process that asks does meanwhile.

        Raises:
            PassingError: there is no answer.
        """
        answer: asyncio.Future[Answer] = self.loop.create_future()
        delay = self.rng.choice((0.0, 0.001, 0.01, 0.1))
        self.loop.later(delay, self._serve, life, serve, answer)
        return await answer

    def _serve(
        self, life: Life, serve: Callable[[], Answer], answer: "asyncio.Future[Answer]"
    ) -> None:
        silence = PassingError(Reason.KAFKA_UNREACHABLE, "the simulated Kafka does not answer")
        if answer.done() or not life.alive:
            return
        if not self.thawed.is_set():
            self.loop.later(0.2, self._serve, life, serve, answer)
        elif self.down or life.without_kafka:
            self.loop.later(self.rng.uniform(0, 3), _settle, answer, silence)
        else:
            served = serve()
            self.loop.later(self.rng.choice((0.0, 0.001, 0.05)), _settle, answer, served)


def _settle(answer: asyncio.Future[Any], outcome: object) -> None:
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
