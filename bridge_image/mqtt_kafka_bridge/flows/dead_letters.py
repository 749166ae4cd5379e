"""Dead letters of a mapping from Kafka: written beside the flow, waited for before a commit.

(Dead letters of a mapping from MQTT go through its own lanes, with everything else.)
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.errors import BridgeError, PassingError, RefusedError
from mqtt_kafka_bridge.flows.lanes import Lanes
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.ports import RecordProducer, TopicPartition
from mqtt_kafka_bridge.flows.tasks import Backoff, ticking
from mqtt_kafka_bridge.flows.topics import Topics
from mqtt_kafka_bridge.flows.writer import STALL_SECONDS
from mqtt_kafka_bridge.mapping.dead_letters import SMALLEST_BYTES, Refusal, from_kafka
from mqtt_kafka_bridge.mapping.messages import SourceRecord
from mqtt_kafka_bridge.mapping.murmur2 import partition_for


class _Letter(NamedTuple):
    """A record that was refused, and its number in the flow's window."""

    number: int
    record: SourceRecord
    partition: TopicPartition
    refusal: Refusal


class DeadLetters:
    """Writes refused records to the dead-letter topic.

    A producer is opened when the first one comes. While the topic can't be written, the records
    stay unfinished, so their offsets are not committed.

    Args:
        parts: what all flows share.
        mapping: the mapping's name.
        show: shows why dead letters can't be written, or None that they can.
        changed: called when one was stored.
    """

    def __init__(
        self,
        parts: Parts,
        mapping: str,
        show: Callable[[Trouble | None], None],
        changed: Callable[[], None],
    ) -> None:
        self._parts = parts
        self._mapping = mapping
        self._show = show
        self._changed = changed
        self._letters: dict[int, _Letter] = {}
        self._ticket = 0
        self._wake = asyncio.Event()
        self._batch_limits: dict[str, int] = {}

    def add(
        self, number: int, record: SourceRecord, partition: TopicPartition, error: RefusedError
    ) -> None:
        """Write a record that was refused."""
        now = self._parts.now()
        identity = self._parts.config.identity
        refusal = Refusal(identity, self._mapping, error.reason, error.message, now)
        self._letters[self._ticket] = _Letter(number, record, partition, refusal)
        self._ticket += 1
        self._wake.set()

    def oldest(self, default: int) -> int:
        """Return the smallest number that is not stored yet, or `default` if that is smaller."""
        return min([default, *(letter.number for letter in self._letters.values())])

    def forget(self) -> None:
        """Forget what is not stored: its records are read again."""
        self._letters.clear()

    async def run(self) -> None:
        """Write, again and again; return never."""
        backoff = Backoff()
        while True:
            while not self._letters:
                self._wake.clear()
                await self._wake.wait()
            try:
                await self._live()
            except BridgeError as error:
                self._show(error.trouble)
                await backoff.wait()

    async def _live(self) -> None:
        """Live one producer's life. Raises BridgeError when it is spent."""
        producer = await self._parts.kafka.open_producer(f"{self._mapping}.dead-letters")
        try:
            await self._write(producer)
        finally:
            await producer.abandon()

    async def _write(self, producer: RecordProducer) -> None:
        now = asyncio.get_running_loop().time
        name = self._parts.config.dead_letter_topic
        topics = Topics(producer, None, name, self._batch_limits, now)
        await topics.learn(name)
        self._show(None)
        lanes = Lanes(producer, self._wake.set, now)
        written = min(self._letters, default=self._ticket)
        with ticking(self._wake):
            while True:
                if lanes.failure is not None:
                    if self._parts.kafka.is_too_large(lanes.failure.error):
                        smaller = max(SMALLEST_BYTES, lanes.failure.max_bytes // 2)
                        self._batch_limits[name] = smaller
                    raise self._parts.kafka.explain(lanes.failure.error)
                for ticket in range(written, self._ticket):
                    if ticket in self._letters:
                        self._put(lanes, topics, ticket)
                written = self._ticket
                self._stored(lanes.oldest(written))
                await lanes.send()
                if lanes.stalled(STALL_SECONDS):
                    raise PassingError(Reason.KAFKA_WRITE_FAILED, f"{name} took no dead letter")
                await self._wake.wait()
                self._wake.clear()

    def _put(self, lanes: Lanes, topics: Topics, ticket: int) -> None:
        topic = topics.find(topics.dead_letters)
        _, record, (source, partition), refusal = self._letters[ticket]
        max_bytes = topics.max_batch_bytes(topics.dead_letters)
        letter = from_kafka(record, source, partition, refusal, max_bytes=max_bytes)
        target = partition_for(letter.key or b"", topic.partitions)
        lane = lanes.lane(topics.dead_letters, target, max_bytes)
        at_ms = round(refusal.at.timestamp() * 1000)
        lanes.put(lane, ticket, at_ms, letter.key, letter.value, letter.headers)

    def _stored(self, up_to: int) -> None:
        stored = [ticket for ticket in self._letters if ticket < up_to]
        for ticket in stored:
            del self._letters[ticket]
        if stored:
            self._changed()
