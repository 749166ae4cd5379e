"""Lanes: one for each Kafka partition that a mapping writes to.

While one batch of a lane is under way the next one fills (group commit): a lone record leaves at
once, a flood leaves in large batches. Records of one lane are stored in the order in which they
were put there, so what all lanes have stored up to is the smallest of their oldest numbers.
"""

from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from mqtt_kafka_bridge.flows.ports import Batch, Header, RecordProducer


class Failure(NamedTuple):
    """A batch that Kafka did not store: the producer is spent."""

    error: BaseException
    topic: str
    first: int
    """Number of the batch's first record."""
    records: int
    max_bytes: int
    """What the batch was allowed to hold."""


class Lane:
    """One partition: the batch that fills, those that wait, and the one under way."""

    __slots__ = (
        "batch",
        "first",
        "max_bytes",
        "partition",
        "sending",
        "sent_at",
        "topic",
        "waiting",
    )

    def __init__(self, topic: str, partition: int, max_bytes: int) -> None:
        self.topic = topic
        self.partition = partition
        self.max_bytes = max_bytes
        self.batch: Batch | None = None
        self.first = 0
        self.waiting: deque[tuple[int, Batch]] = deque()
        self.sending: int | None = None
        self.sent_at = 0.0

    def oldest(self) -> int:
        """Number of the oldest record that is not stored."""
        if self.sending is not None:
            return self.sending
        return self.waiting[0][0] if self.waiting else self.first


class Lanes:
    """All lanes of one producer's life.

    Args:
        producer: where batches go.
        changed: called when a batch was stored or failed.
        now: the loop's clock, in seconds.
    """

    def __init__(
        self, producer: RecordProducer, changed: Callable[[], None], now: Callable[[], float]
    ) -> None:
        self.failure: Failure | None = None
        self._producer = producer
        self._changed = changed
        self._now = now
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._active: dict[Lane, None] = {}
        self._ready: dict[Lane, None] = {}

    def lane(self, topic: str, partition: int, max_bytes: int) -> Lane:
        """Return the lane of a partition, for batches of at most `max_bytes`."""
        lane = self._lanes.get((topic, partition))
        if lane is None:
            lane = self._lanes[topic, partition] = Lane(topic, partition, max_bytes)
        return lane

    def put(
        self,
        lane: Lane,
        number: int,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
    ) -> None:
        """Add a record; numbers of one lane come in order."""
        batch = lane.batch
        if (
            batch is None
            or batch.append(timestamp=timestamp_ms, key=key, value=value, headers=headers) is None
        ):
            batch = self.next_batch(lane, number)
            batch.append(timestamp=timestamp_ms, key=key, value=value, headers=headers)

    def next_batch(self, lane: Lane, number: int) -> Batch:
        """Return an empty batch whose first record will be `number`; the full one waits."""
        if lane.batch is not None:
            lane.waiting.append((lane.first, lane.batch))
        batch = lane.batch = self._producer.new_batch(lane.max_bytes)
        lane.first = number
        self._active[lane] = None
        if lane.sending is None:
            self._ready[lane] = None
        return batch

    def oldest(self, default: int) -> int:
        """Return the oldest number that is not stored, or `default` if all are."""
        return min((lane.oldest() for lane in self._active), default=default)

    async def send(self) -> None:
        """Hand over what can leave now. Raises what `RecordProducer.send` raises."""
        ready, self._ready = self._ready, {}
        for lane in ready:
            if lane.sending is not None or not (lane.waiting or lane.batch is not None):
                continue  # It was served already, after it filled one more batch.
            if lane.waiting:
                lane.sending, batch = lane.waiting.popleft()
            elif lane.batch is not None:
                lane.sending, batch, lane.batch = lane.first, lane.batch, None
            lane.sent_at = self._now()
            stored = await self._producer.send(batch, lane.topic, lane.partition)
            stored.add_done_callback(partial(self._done, lane, batch))

    def stalled(self, seconds: float) -> bool:
        """Whether a batch has been under way for longer than this."""
        limit = self._now() - seconds
        return any(lane.sending is not None and lane.sent_at < limit for lane in self._active)

    def _done(self, lane: Lane, batch: Batch, stored: Future[object]) -> None:
        if stored.cancelled() or self.failure is not None:
            return
        error = stored.exception()
        if error is not None:
            self.failure = Failure(
                error, lane.topic, lane.oldest(), batch.record_count(), lane.max_bytes
            )
        else:
            lane.sending = None
            if lane.waiting or lane.batch is not None:
                self._ready[lane] = None
            else:
                del self._active[lane]
        self._changed()
