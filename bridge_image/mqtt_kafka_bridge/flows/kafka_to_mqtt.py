"""The flow of one mapping from Kafka to MQTT: published, acknowledged, and only then committed."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import structlog

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.contract.status import MappingState
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows import crash_points
from mqtt_kafka_bridge.flows.dead_letters import DeadLetters
from mqtt_kafka_bridge.flows.display import hinder, show_stopped
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.ports import RecordConsumer, TopicPartition
from mqtt_kafka_bridge.flows.progress import Progress
from mqtt_kafka_bridge.flows.publisher import PublisherLink
from mqtt_kafka_bridge.flows.publishing import Publishing
from mqtt_kafka_bridge.flows.refusals import Refusals
from mqtt_kafka_bridge.flows.tasks import Backoff, unless
from mqtt_kafka_bridge.mapping.outbound import OutboundRouter
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.observe.flow_board import FlowBoard

log = structlog.get_logger()
FETCH_RECORDS = 5000
"""Most records taken from Kafka in one go."""
FETCH_SECONDS = 0.2
"""Longest wait for a first record, and so the longest delay of what else the loop does."""
COMMIT_SECONDS = 1.0
POLL_SECONDS = 60.0
"""Longest time without a look at Kafka; a member that is silent for 300 s loses its partitions."""


class KafkaToMqttFlow:
    """One mapping from Kafka to MQTT; `board` is where its counts and states are shown."""

    def __init__(self, parts: Parts, mapping: KafkaToMqtt, board: FlowBoard) -> None:
        config = parts.config
        self._parts = parts
        self._mapping = mapping
        self._board = board
        self._time = asyncio.get_running_loop().time
        self._held = False
        self._progress = Progress(board.meter, parts.budget.share(self._hold))
        self._window = self._progress.window
        self._wake = asyncio.Event()
        router = OutboundRouter(mapping, identity=config.identity, loop_guard=config.loop_guard)
        outcomes = self._progress.outcomes
        self._dead_letters = DeadLetters(
            parts, mapping.name, partial(hinder, board, "dead letters"), self._wake.set
        )
        self._refusals = Refusals(mapping.on_error, outcomes, self._dead_letters)
        self._publishing = Publishing(
            mapping, router, self._window, board, outcomes, self._refusals.refuse, self._time
        )
        self._link = PublisherLink(parts, mapping, board, self._publishing, self._wake.set)
        self._keeper = Keeper(config.mqtt, self._link.options, self._link, parts.dial, parts.buffer)
        self._consumer: RecordConsumer | None = None
        self._draining = asyncio.Event()
        self._revoking = False
        self._backoff = Backoff()
        self._fetched_at = self._commit_at = 0.0
        self._settled = asyncio.Event()
        self._drained = asyncio.Event()

    async def run(self) -> None:
        """Forward until cancelled or drained, or until a record stops the mapping."""
        try:
            async with asyncio.TaskGroup() as tasks:
                beside = [
                    tasks.create_task(self._keeper.run()),
                    tasks.create_task(self._dead_letters.run()),
                ]
                await self._consume()
                await self._link.end()
                for task in beside:
                    task.cancel()
        finally:
            self._drained.set()

    async def drain(self) -> None:
        """Read no more; return when all that was published is acknowledged and committed."""
        self._board.be(MappingState.DRAINING)
        self._draining.set()
        self._give_up_unsent()
        self._wake.set()
        await self._drained.wait()

    async def _consume(self) -> None:
        """Open consumers, again and again; return when there is nothing more to do."""
        while not self._draining.is_set():
            try:
                consumer = await unless(self._draining, self._open())
                if consumer is not None:
                    await self._live(consumer)
            except BridgeError as error:  # What it had is back in Kafka.
                self._board.kafka.failed(error.trouble)
                hinder(self._board, "kafka", error.trouble)
                await unless(self._draining, self._backoff.wait())
            else:
                return

    async def _open(self) -> RecordConsumer:
        starts = await self._parts.starts()
        return await self._parts.kafka.open_consumer(self._mapping, self, starts)

    async def _live(self, consumer: RecordConsumer) -> None:
        """Live one consumer's life. Raises BridgeError when it is spent."""
        try:
            self._consumer = consumer
            self._board.kafka.up()
            hinder(self._board, "kafka", None)
            await self._forward(consumer)
        finally:
            self._consumer = None
            self._start_over()
            await consumer.close()

    async def _forward(self, consumer: RecordConsumer) -> None:
        """Fetch, publish, settle; return when a record stopped the mapping, or when drained.

        Raises:
            BridgeError: Kafka does not answer, or refuses.
        """
        while True:
            self._settle()
            stop = self._refusals.stop
            if stop is not None and stop.number == self._window.first:
                await self._commit(consumer)
                show_stopped(self._board, stop.error)
                return
            if self._draining.is_set() and not self._window:
                await self._commit(consumer)
                return
            if self._time() >= self._commit_at:
                await self._commit(consumer)
            if self._link.lost_records:
                self._rewind(consumer)
            link = self._link.link
            if link is None:
                await self._fetch(consumer, held=True)
            elif self._publishing.due if stop is None else self._publishing.retry_due:
                if self._publishing.publish(link, further=stop is None):
                    await link.writable()
                    await asyncio.sleep(0)
                else:
                    await self._wait(consumer)
            elif self._draining.is_set() or self._revoking or stop or self._held:
                await self._wait(consumer)
            else:
                await self._fetch(consumer, held=False)

    def _hold(self, held: bool) -> None:  # noqa: FBT001 - a setter
        """Read no more while too many bytes are in flight; held records may be what fills them."""
        self._held, stalled = held, self._publishing.trouble if held else None
        hinder(self._board, "broker", stalled, MappingState.STALLED)
        self._wake.set()

    async def _fetch(self, consumer: RecordConsumer, *, held: bool) -> None:
        """Take what has arrived, or only show Kafka that we live."""
        consumer.hold(held)
        self._fetched_at = self._time()
        for fetched in await consumer.fetch(FETCH_RECORDS, FETCH_SECONDS):
            self._progress.take(fetched, self._time())

    async def _wait(self, consumer: RecordConsumer) -> None:
        """Wait until something changes; look at Kafka now and then meanwhile."""
        if self._time() - self._fetched_at > POLL_SECONDS:
            await self._fetch(consumer, held=True)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(COMMIT_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    def _settle(self) -> None:
        """Finish, in order, what the broker has acknowledged and what is a stored dead letter."""
        link, sent = self._link.link, self._publishing.sent
        if link is None or self._link.lost_records:
            return
        up_to = self._refusals.oldest(min(sent, self._publishing.oldest(link)))
        if up_to <= self._window.first:
            return
        self._backoff.reset()
        self._progress.finish(up_to, self._time())
        if not self._window:
            self._settled.set()

    async def _commit(self, consumer: RecordConsumer) -> None:
        """Commit what is finished and not committed yet."""
        self._commit_at = self._time() + COMMIT_SECONDS
        positions = self._progress.due()
        if positions:
            crash_points.crash_point("after_puback_before_commit")
            await consumer.commit(positions)
            self._progress.committed(positions)
            crash_points.crash_point("after_commit")

    def _rewind(self, consumer: RecordConsumer) -> None:
        """Read again what was published over a link that is gone, and not acknowledged."""
        self._link.lost_records = False
        consumer.rewind(self._start_over())

    def _start_over(self) -> dict[TopicPartition, int]:
        positions = self._progress.start_over()
        self._refusals.start_over()
        self._publishing.start_over()
        self._settled.set()
        return positions

    def _give_up_unsent(self) -> None:
        self._progress.give_up(self._publishing.sent)
        if not self._window:
            self._settled.set()

    # From the consumer

    async def revoking(self, partitions: Sequence[TopicPartition]) -> None:
        """Finish what is published, commit it; the rest is read by whoever is next."""
        self._revoking = True
        try:
            await self._finish_published()
            self._start_over()
            if self._consumer is not None:
                await self._commit(self._consumer)
        finally:
            self._progress.end(partitions)
            self._revoking = False

    async def _finish_published(self) -> None:
        """Wait, for as long as a drain may take, until what was published is acknowledged."""
        self._give_up_unsent()
        self._wake.set()
        try:
            async with asyncio.timeout(self._parts.config.limits.drain.total_seconds()):
                while self._window and self._link.link is not None:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            log.warning("revoked before all was acknowledged", mapping=self._board.name)

    def assigned(self, partitions: Mapping[TopicPartition, int]) -> None:
        """Begin with these, at these positions."""
        self._progress.begin(partitions)
        self._wake.set()
