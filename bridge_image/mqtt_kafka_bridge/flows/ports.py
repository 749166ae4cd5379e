"""The ports that flows speak to: Kafka as seen from a mapping. Adapters live in `kafka/`.

Fakes of these live in `tests/support` and pass the same port tests as the real thing.
"""

from asyncio import Future
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mapping.messages import SourceHeader, SourceRecord

if TYPE_CHECKING:  # it speaks of partitions, too
    from mqtt_kafka_bridge.flows.coordination_port import Coordination, Starts

Header = SourceHeader
"""A header as it is written; null is a value, too."""


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Batch(Protocol):
    """Records on their way to one partition."""

    def append(
        self,
        *,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
    ) -> object | None:
        """Add a record, `timestamp` in milliseconds; None when the batch is full."""
        ...

    def record_count(self) -> int:
        """How many records it holds."""
        ...


class Topic(NamedTuple):
    """What must be known of a topic before a record is written to it."""

    partitions: int
    max_record_bytes: int
    """Largest record (key, value, headers and framing, uncompressed) that the topic takes."""
    min_insync_replicas: int | None
    """None when it may not be read."""


class RecordProducer(Protocol):
    """An idempotent producer (`acks=all`) of one mapping.

    After any future that `send` returned has failed the producer is spent: `abandon` it, make a
    new one, and send again from the oldest record that is not known to be stored.
    """

    def new_batch(self, max_bytes: int) -> Batch:
        """Return an empty batch for at most `max_bytes` (one record always fits)."""
        ...

    async def send(self, batch: Batch, topic: str, partition: int) -> Future[object]:
        """Hand a batch over; the future is done when Kafka has stored it on all in-sync replicas.

        It returns without waiting when nothing is under way for the partition.
        """
        ...

    async def topic(self, name: str) -> Topic:
        """Look a topic up (fresh, not from a cache).

        Raises:
            MustFixError: TopicMissing or TopicForbidden.
            PassingError: Kafka did not answer.
        """
        ...

    def partitions(self, name: str) -> int | None:
        """Partitions of a topic as of the last metadata, at most 10 s old; None if not known."""
        ...

    @property
    def silent_seconds(self) -> float:
        """How long Kafka has not been heard; it is asked something every few seconds."""
        ...

    async def create_topic(self, name: str) -> None:
        """Create a topic with defaults and replication min(3, brokers); existing is fine.

        Raises:
            MustFixError: TopicForbidden: the right to create is missing.
            PassingError: Kafka did not answer.
        """
        ...

    async def close(self) -> None:
        """Wait for what is under way, then disconnect."""
        ...

    async def abandon(self) -> None:
        """Disconnect at once; batches under way may or may not be stored."""
        ...


class Fetched(NamedTuple):
    """Records of one partition, in order, and the position after them."""

    partition: TopicPartition
    records: Sequence[SourceRecord]
    next_offset: int
    """Where the next fetch starts: contiguous over gaps of compaction and transactions."""


class RecordConsumer(Protocol):
    """A member of a mapping's consumer group."""

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Fetched]:
        """Return what has arrived, waiting up to the time-out for the first record.

        Raises:
            MustFixError: TopicMissing, TopicForbidden or GroupForbidden.
            PassingError: Kafka did not answer.
        """
        ...

    def hold(self, held: bool) -> None:  # noqa: FBT001 - a setter
        """Pause all partitions, those assigned later too, or go on; keep calling `fetch`."""
        ...

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit positions; one that is no longer ours is dropped in silence.

        Raises:
            PassingError: Kafka did not answer.
        """
        ...

    def rewind(self, positions: Mapping[TopicPartition, int]) -> None:
        """Fetch again from these positions."""
        ...

    async def close(self) -> None:
        """Leave the group and disconnect; commit before it."""
        ...


class ConsumerEvents(Protocol):
    """What a consumer tells its flow about its partitions."""

    async def revoking(self, partitions: Sequence[TopicPartition]) -> None:
        """Finish what is under way for these and commit; they go to another member after it."""
        ...

    def assigned(self, partitions: Mapping[TopicPartition, int]) -> None:
        """Begin with these, at these positions (the committed ones, or where startFrom says)."""
        ...


class Kafka(Protocol):
    """Kafka as a whole, as flows see it; `kafka/` is the real one."""

    async def open_producer(self, mapping: str) -> RecordProducer:
        """Connect a producer for a mapping.

        Raises:
            MustFixError: credentials, TLS, rights.
            PassingError: unreachable.
        """
        ...

    async def open_consumer(
        self, mapping: KafkaToMqtt, events: ConsumerEvents, starts: "Starts | None"
    ) -> RecordConsumer:
        """Connect a consumer and join the mapping's group; raises as `open_producer`.

        Args:
            mapping: what to read.
            events: is told of partitions.
            starts: where all members find out where the mapping began; None: there is one member.
        """
        ...

    async def open_coordination(self) -> "Coordination":
        """Take part in saying which sessions run where; raises as `open_producer`.

        The coordination topic has then been seen to be right: MustFixError otherwise.
        """
        ...

    def explain(self, error: BaseException) -> BridgeError:
        """Return what a failed future of `RecordProducer.send` means, and its cure."""
        ...

    def is_too_large(self, error: BaseException) -> bool:
        """Whether a batch was refused for its size."""
        ...
