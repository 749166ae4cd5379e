"""The way into Kafka: an idempotent producer of one mapping, filled by whole batches.

aiokafka keeps one request under way for a partition, puts a retried batch back in front, and never
lets an idempotent batch expire while its partition has a leader: that is what keeps order. After a
batch has failed its sequence numbers are wrong for good (aiokafka #1017), so the producer is spent.
"""

import asyncio
from asyncio import Future
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerClosed
from aiokafka.producer.sender import Sender

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.errors import BridgeError, PassingError
from mqtt_kafka_bridge.flows.ports import Batch, RecordProducer, Topic
from mqtt_kafka_bridge.kafka import topics
from mqtt_kafka_bridge.kafka.adjustments import quiet_logs
from mqtt_kafka_bridge.kafka.causes import explain, principal, topic_missing
from mqtt_kafka_bridge.kafka.connections import sever, silent_seconds
from mqtt_kafka_bridge.kafka.preflight import preflight
from mqtt_kafka_bridge.kafka.records import CODECS, RecordBatch
from mqtt_kafka_bridge.kafka.security import security

METADATA_AGE_MS: Final = 5000
"""New partitions are seen within 10 s, and the answer may take its time."""
REQUEST_TIMEOUT_MS: Final = 10_000
"""How long a broker may take for one request: well above a slow disk or network (3 s are met in
the field), and short enough that a frozen broker, a leader that is gone, or a deleted topic shows
within 30 s. It also is how long a batch waits for a partition without a leader."""
START_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.02


class _TrackingSender(Sender):  # type: ignore[misc] # aiokafka has no types
    """A sender that knows its requests, which `abandon` can then cancel instead of waiting."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self.requests: set[asyncio.Task[Any]] = set()

    async def _send_produce_req(self, node_id: int, batches: dict[Any, Any]) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the sender makes a task of each request
        self.requests.add(task)
        task.add_done_callback(self.requests.discard)
        await super()._send_produce_req(node_id, batches)


async def open_producer(
    config: BridgeConfig,
    mapping: str,
    pod: str,  # noqa: ARG001 - opened as consumers are; quotas are for a mapping, not for a pod
) -> RecordProducer:
    """Connect a producer of a mapping.

    Raises:
        MustFixError: as `preflight`; TopicForbidden: no topic may be written.
        PassingError: KafkaUnreachable.
    """
    quiet_logs()
    await preflight(config)
    producer = Producer(config, f"{config.group_prefix}.{mapping}")
    async with AsyncExitStack() as undo:
        undo.push_async_callback(producer.abandon)
        await producer.start()
        undo.pop_all()
    return producer


class Producer:
    """The `RecordProducer` port on aiokafka."""

    def __init__(self, config: BridgeConfig, client_id: str) -> None:
        self._config = config
        self._who = principal(config)
        self._codec = CODECS[config.kafka.producer.compression]
        self._under_way: set[Future[object]] = set()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=list(config.kafka.bootstrap_servers),
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,  # A lane fills while the batch before it is under way.
            max_request_size=config.kafka.producer.max_request_bytes,
            metadata_max_age_ms=METADATA_AGE_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            **security(config.kafka),
        )
        self._accumulator = self._producer._message_accumulator  # noqa: SLF001
        self._client = self._producer.client
        self._cluster = self._client.cluster
        self._sender = self._producer._sender = _TrackingSender(  # noqa: SLF001
            self._client,
            acks=-1,
            txn_manager=self._producer._txn_manager,  # noqa: SLF001
            message_accumulator=self._accumulator,
            retry_backoff_ms=100,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    async def start(self) -> None:
        """Connect and take a producer id.

        Raises:
            MustFixError: TopicForbidden: no topic may be written.
            PassingError: KafkaUnreachable.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._producer.start()
        except TimeoutError as error:
            brokers = ", ".join(sorted(f"{b.host}:{b.port}" for b in self._cluster.brokers()))
            raise PassingError(
                explain(error).reason,
                f"no broker answers at the addresses that Kafka advertises: {brokers}",
                "see that they can be reached from here (advertised.listeners)",
            ) from error
        except KafkaError as error:
            raise explain(error, who=self._who) from error

    def new_batch(self, max_bytes: int) -> Batch:
        """Return an empty batch for at most `max_bytes` (one record always fits)."""
        return RecordBatch(max_bytes, self._codec)

    async def send(self, batch: Batch, topic: str, partition: int) -> Future[object]:
        """Hand a batch over; the future is done when all in-sync replicas have it.

        The future's error is a BridgeError. It need not be looked at.

        Raises:
            MustFixError: TopicMissing: the partition is not known (any more).
            PassingError: the producer is spent, or the batch before it did not leave in time.
        """
        if self._cluster.leader_for_partition(TopicPartition(topic, partition)) is None:
            raise topic_missing(topic)  # aiokafka would wait for it, and for long.
        outcome: Future[object] = asyncio.get_running_loop().create_future()
        try:
            stored = await self._producer.send_batch(batch, topic, partition=partition)
        except KafkaError as error:
            raise explain(error, who=self._who, topic=topic) from error
        self._under_way.add(outcome)
        outcome.add_done_callback(self._under_way.discard)
        stored.add_done_callback(partial(self._settle, outcome, topic))
        return outcome

    def _settle(self, outcome: Future[object], topic: str, stored: Future[object]) -> None:
        error = None if stored.cancelled() else stored.exception()
        if outcome.done():
            return
        if error is None:
            outcome.set_result(stored.result())
        else:
            _fail(outcome, explain(error, who=self._who, topic=topic))

    async def topic(self, name: str) -> Topic:
        """Look a topic up (fresh, not from a cache).

        Raises:
            MustFixError: TopicMissing or TopicForbidden.
            PassingError: Kafka did not answer.
        """
        partitions = await topics.look_up(self._client, name, self._who, "Write")
        limits = await topics.read_limits(self._client, name)
        # `send` and `partitions` answer from aiokafka's metadata, which must know it by then.
        await self._known(name, partitions)
        largest = self._config.kafka.producer.max_request_bytes
        if limits.max_message_bytes is not None:
            largest = min(largest, limits.max_message_bytes)
        return Topic(partitions, largest, limits.min_insync_replicas)

    async def _known(self, name: str, partitions: int) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1000):
                await self._client.add_topic(name)
                while self.partitions(name) != partitions:
                    await self._client.force_metadata_update()
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise explain(error, who=self._who, topic=name) from error

    def partitions(self, name: str) -> int | None:
        """Partitions of a topic as of the last metadata, at most 10 s old; None if not known."""
        known = self._cluster.partitions_for_topic(name)
        return len(known) if known is not None else None

    @property
    def silent_seconds(self) -> float:
        """How long Kafka has not been heard; metadata is asked for every 5 s."""
        return silent_seconds(self._client)

    async def create_topic(self, name: str) -> None:
        """Create a topic with defaults and replication min(3, brokers); existing is fine.

        Raises:
            MustFixError: TopicForbidden: the right to create is missing.
            PassingError: Kafka did not answer.
        """
        await topics.create(self._client, name, self._who)

    async def close(self) -> None:
        """Wait for what is under way, for `limits.drain` at most, then disconnect."""
        if self._under_way:
            bound = self._config.limits.drain.total_seconds()
            await asyncio.wait(self._under_way, timeout=bound)
        await self.abandon()

    async def abandon(self) -> None:
        """Disconnect at once; batches under way may or may not be stored: their futures fail."""
        self._producer._closed = True  # noqa: SLF001 - its own `stop` waits for Kafka
        await sever(self._client, [self._sender.sender_task, *self._sender.requests])
        error = ProducerClosed("the producer was abandoned")
        for outcome in [*self._under_way]:
            _fail(outcome, explain(error))
        self._drop_batches(error)

    def _drop_batches(self, error: KafkaError) -> None:
        accumulator = self._accumulator
        accumulator._closed = True  # noqa: SLF001
        waiting = [batch for queue in accumulator._batches.values() for batch in queue]  # noqa: SLF001
        # A batch that waits to be tried again is in the queue only, but is taken out of the pending
        # ones when it is done.
        accumulator._pending_batches.update(waiting)  # noqa: SLF001
        for batch in [*accumulator._pending_batches]:  # noqa: SLF001
            batch.failure(error)
            batch._drain_waiter.exception()  # noqa: SLF001 - or asyncio says that nobody looked


def _fail(outcome: Future[object], error: BridgeError) -> None:
    outcome.set_exception(error)
    outcome.exception()  # Whoever has given up on it does not want to hear of it.
