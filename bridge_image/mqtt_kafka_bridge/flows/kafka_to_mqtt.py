"""The flow of one mapping from Kafka to MQTT: published, acknowledged, and only then committed."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import uniform

import structlog

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.contract.status import MappingState, Reason, Trouble
from mqtt_kafka_bridge.errors import BridgeError, RefusedError
from mqtt_kafka_bridge.flows import crash_points
from mqtt_kafka_bridge.flows.dead_letters import DeadLetters
from mqtt_kafka_bridge.flows.outcomes import Outcomes
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.ports import Fetched, RecordConsumer, SourceRecord, TopicPartition
from mqtt_kafka_bridge.flows.publisher import PublisherLink
from mqtt_kafka_bridge.flows.publishing import Publishing
from mqtt_kafka_bridge.flows.window import Window
from mqtt_kafka_bridge.flows.writer import RETRY_SECONDS
from mqtt_kafka_bridge.mapping.outbound import OutboundRouter
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.observe.board import MappingBoard

log = structlog.get_logger()
FETCH_RECORDS = 5000
"""Most records taken from Kafka in one go."""
FETCH_SECONDS = 0.2
"""Longest wait for a first record, and so the longest delay of what else the loop does."""
MOST_OUTSTANDING = 50_000
"""Most records read and not finished; above it nothing more is read."""
COMMIT_SECONDS = 1.0
POLL_SECONDS = 60.0
"""Longest time without a look at Kafka; a member that is silent for 300 s loses its partitions."""


class KafkaToMqttFlow:
    """One mapping from Kafka to MQTT.

    Args:
        parts: what all flows share.
        mapping: which mapping.
        board: where counts and states are shown.
    """

    def __init__(self, parts: Parts, mapping: KafkaToMqtt, board: MappingBoard) -> None:
        config = parts.config
        self._parts = parts
        self._mapping = mapping
        self._board = board
        self._meter = board.meter
        self._time = asyncio.get_running_loop().time
        self._window: Window[SourceRecord] = Window()
        self._outcomes = Outcomes(board.meter)
        self._wake = asyncio.Event()
        router = OutboundRouter(mapping, identity=config.identity, loop_guard=config.loop_guard)
        self._publishing = Publishing(
            mapping, router, self._window, self._outcomes, self._refuse, self._time
        )
        self._dead_letters = DeadLetters(parts, mapping.name, self._show, self._wake.set)
        self._link = PublisherLink(parts, mapping, board, self._publishing, self._wake.set)
        self._keeper = Keeper(config.mqtt, self._link.options, self._link, parts.dial, parts.buffer)
        self._consumer: RecordConsumer | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._stop: tuple[int, RefusedError] | None = None
        self._draining = False
        self._revoking = False
        self._forwarded = False
        self._fetched_at = self._commit_at = 0.0
        self._settled = asyncio.Event()
        self._drained = asyncio.Event()

    async def run(self) -> None:
        """Forward until cancelled or drained, or until a record stops the mapping."""
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(self._keeper.run()),
                tasks.create_task(self._dead_letters.run()),
            ]
            await self._consume()
            await self._link.end()
            for task in beside:
                task.cancel()
        self._drained.set()

    async def drain(self) -> None:
        """Read no more; return when all that was published is acknowledged and committed."""
        self._board.be(MappingState.DRAINING)
        self._draining = True
        self._give_up_unsent()
        self._wake.set()
        if self._consumer is None:
            await self._link.end()
        else:
            await self._drained.wait()

    async def _consume(self) -> None:
        """Open consumers, again and again; return when there is nothing more to do."""
        failures = 0
        while True:
            try:
                await self._live()
            except BridgeError as error:
                self._board.kafka.failed(error.trouble)
                self._show(error.trouble)
                delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                await asyncio.sleep(uniform(delay / 2, delay))
                failures = 0 if self._forwarded else failures + 1
                self._forwarded = False
            else:
                return

    async def _live(self) -> None:
        """Live one consumer's life. Raises BridgeError when it is spent."""
        consumer = await self._parts.kafka.open_consumer(self._mapping, self)
        try:
            self._consumer = consumer
            self._board.kafka.up()
            self._show(None)
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
            if self._stop is not None and self._stop[0] == self._window.first:
                await self._commit(consumer)
                self._stopped(self._stop[1])
                return
            if self._draining and not self._window:
                await self._commit(consumer)
                return
            if self._time() >= self._commit_at:
                await self._commit(consumer)
            if self._link.lost_records:
                self._rewind(consumer)
            link = self._link.link
            if link is None:
                await self._fetch(consumer, held=True)
            elif self._publishing.sent < self._window.next and self._stop is None:
                if self._publishing.publish(link):
                    await link.writable()
                    await asyncio.sleep(0)
                else:
                    await self._wait(consumer)
            elif self._draining or self._revoking or self._stop or self._full:
                await self._wait(consumer)
            else:
                await self._fetch(consumer, held=False)

    @property
    def _full(self) -> bool:
        return len(self._window) >= MOST_OUTSTANDING

    async def _fetch(self, consumer: RecordConsumer, *, held: bool) -> None:
        """Take what has arrived, or only show Kafka that we live."""
        consumer.hold(held)
        self._fetched_at = self._time()
        for fetched in await consumer.fetch(FETCH_RECORDS, FETCH_SECONDS):
            if fetched.records:
                self._window.add(fetched.records, 0, self._time(), origin=fetched)
                self._meter.received += len(fetched.records)
        self._meter.in_flight = len(self._window)

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
        up_to = self._dead_letters.oldest(min(sent, self._publishing.oldest(link)))
        if self._stop is not None:
            up_to = min(up_to, self._stop[0])
        if up_to <= self._window.first:
            return
        now = self._time()
        count = 0
        for chunk, start, stop in self._window.finish(up_to):
            fetched = chunk.origin
            assert isinstance(fetched, Fetched)  # noqa: S101 - what this flow put there
            whole = stop == len(chunk.items)
            position = fetched.next_offset if whole else chunk.items[stop].offset
            self._positions[fetched.partition] = position
            self._meter.latency.observe(now - chunk.at, stop - start)
            count += stop - start
        self._forwarded = True
        self._outcomes.finish(up_to, count)
        self._meter.in_flight = len(self._window)
        if not self._window:
            self._settled.set()

    async def _commit(self, consumer: RecordConsumer) -> None:
        """Commit what is finished and not committed yet."""
        crash_points.crash_point("after_puback_before_commit")
        self._commit_at = self._time() + COMMIT_SECONDS
        positions = {
            partition: position
            for partition, position in self._positions.items()
            if self._committed.get(partition) != position
        }
        if positions:
            await consumer.commit(positions)
            self._committed.update(positions)
            crash_points.crash_point("after_commit")

    def _rewind(self, consumer: RecordConsumer) -> None:
        """Read again what was published over a link that is gone, and not acknowledged."""
        self._link.lost_records = False
        partitions = {
            chunk.origin.partition
            for chunk in self._window.chunks()
            if isinstance(chunk.origin, Fetched)
        }
        self._start_over()
        consumer.rewind({p: self._positions[p] for p in partitions if p in self._positions})

    def _start_over(self) -> None:
        self._meter.returned += self._window.clear()
        self._meter.in_flight = 0
        self._outcomes.forget(0)
        self._dead_letters.forget()
        self._publishing.start_over()
        self._stop = None
        self._settled.set()

    def _give_up_unsent(self) -> None:
        """Return to Kafka what was read and not published yet."""
        dropped, _ = self._window.drop(self._publishing.sent, lambda _chunk, _index: True)
        self._meter.returned += dropped
        self._meter.in_flight = len(self._window)
        if not self._window:
            self._settled.set()

    # From the consumer

    async def revoking(self, partitions: Sequence[TopicPartition]) -> None:
        """Finish what is published, commit it; the rest is read by whoever is next."""
        self._revoking = True
        try:
            self._give_up_unsent()
            self._wake.set()
            async with asyncio.timeout(self._parts.config.limits.drain.total_seconds()):
                while self._window and self._link.link is not None:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            log.warning("revoked before all was acknowledged", mapping=self._board.name)
        finally:
            self._start_over()
            if self._consumer is not None:
                await self._commit(self._consumer)
            self._revoking = False
            for partition in partitions:
                self._positions.pop(partition, None)
                self._committed.pop(partition, None)

    def assigned(self, partitions: Mapping[TopicPartition, int]) -> None:
        """Begin with these, at these positions."""
        self._positions = dict(partitions)
        self._committed = dict(partitions)
        self._wake.set()

    # Inside

    def _refuse(
        self, number: int, record: SourceRecord, partition: TopicPartition, error: RefusedError
    ) -> bool:
        """Do what `onError` says; return whether the next record may follow."""
        match self._mapping.on_error:
            case "Stop":
                self._stop = min((number, error), self._stop or (number, error), key=_number)
                return False
            case "Drop":
                self._outcomes.note(number, "dropped", error.reason)
            case "DeadLetter":
                self._outcomes.note(number, "dead_lettered", error.reason)
                self._dead_letters.add(number, record, partition, error)
        return True

    def _stopped(self, error: RefusedError) -> None:
        trouble = Trouble(
            reason=Reason.MESSAGE_REFUSED,
            message=f"a record that can't be forwarded: {error.reason}, {error.message}",
            cure="repair what writes it, or set onError to DeadLetter or Drop; then restart",
        )
        self._board.be(MappingState.STOPPED, trouble)
        log.error("mapping stopped", mapping=self._board.name, trouble=trouble.message)

    def _kafka_down(self, error: BridgeError) -> None:
        self._board.kafka.down(error.trouble)
        self._show(error.trouble)

    def _show(self, trouble: Trouble | None) -> None:
        """Show why the mapping can't go on, or that it can."""
        if self._draining:
            return
        if trouble is None:
            if self._board.be(MappingState.FORWARDING):
                log.info("mapping forwards", mapping=self._board.name)
        elif self._board.be(MappingState.WAITING, trouble):
            log.warning(
                "mapping waits",
                mapping=self._board.name,
                reason=trouble.reason.value,
                trouble=trouble.message,
                cure=trouble.cure,
            )


def _number(stop: tuple[int, RefusedError]) -> int:
    return stop[0]
