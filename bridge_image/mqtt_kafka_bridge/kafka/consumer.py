"""The way out of Kafka: a member of a mapping's consumer group, with raw records.

aiokafka hands out records of a new assignment before its listener has run. Here an assignment is
*settled* first, within `fetch`: where it begins is resolved, and the flow is told; before that no
record comes out. Errors of it come out of `fetch`, and heartbeats go on meanwhile.
"""

import asyncio
import time
from asyncio import Future
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, KafkaError

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.flows import ports
from mqtt_kafka_bridge.flows.coordination_port import Starts
from mqtt_kafka_bridge.flows.ports import ConsumerEvents, Fetched, RecordConsumer
from mqtt_kafka_bridge.kafka.adjustments import quiet_logs
from mqtt_kafka_bridge.kafka.causes import explain, principal
from mqtt_kafka_bridge.kafka.commits import commit
from mqtt_kafka_bridge.kafka.members import (
    leave,
    member,
    see_that_all_is_well,
    see_that_it_may_join,
)
from mqtt_kafka_bridge.kafka.preflight import preflight
from mqtt_kafka_bridge.kafka.start import positions
from mqtt_kafka_bridge.kafka.topics import look_up

ANSWER_SECONDS: Final = 10.0
"""How long we wait for answers about offsets and commits."""


async def open_consumer(
    config: BridgeConfig,
    mapping: KafkaToMqtt,
    pod: str,
    events: ConsumerEvents,
    starts: Starts | None = None,
) -> RecordConsumer:
    """Connect a consumer of a mapping and join its group, which is alone without `starts`.

    Raises:
        MustFixError: as `preflight`; TopicMissing, TopicForbidden, GroupForbidden.
        PassingError: KafkaUnreachable.
    """
    quiet_logs()
    await preflight(config)
    consumer = Consumer(config, mapping, pod, events, starts)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(consumer.close)
        await consumer.start()
        undo.pop_all()
    return consumer


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    def __init__(self, consumer: "Consumer") -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002 - all
        await self._consumer.revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer.assigned(assigned)


class Consumer:
    """The `RecordConsumer` port on aiokafka."""

    def __init__(
        self,
        config: BridgeConfig,
        mapping: KafkaToMqtt,
        pod: str,
        events: ConsumerEvents,
        starts: Starts | None,
    ) -> None:
        self._mapping, self._events, self._starts = mapping, events, starts
        self._topics = mapping.from_.topics
        self._who = principal(config)
        self._group = f"{config.group_prefix}.{mapping.name}"
        self._consumer = member(config, self._group, pod)
        self._client = self._consumer._client  # noqa: SLF001
        self._held = False
        self._unsettled: set[TopicPartition] | None = None
        """An assignment that the flow has not been told of."""
        self._positions: dict[TopicPartition, int] = {}
        """Where the flow is told to be, in the partitions that it knows to be its own."""
        self._failure: Exception | None = None
        self._waiter: Future[None] | None = None

    async def start(self) -> None:
        """Connect, see that topics and group may be read, and begin to join.

        Raises:
            MustFixError: TopicMissing, TopicForbidden, GroupForbidden.
            PassingError: KafkaUnreachable.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._consumer.start()
                for topic in self._topics:
                    await look_up(self._client, topic, self._who, "Read")
                await see_that_it_may_join(self._client, self._group, self._who)
                self._consumer.subscribe(self._topics, listener=_Listener(self))
                await self._client.force_metadata_update()
        except (TimeoutError, KafkaError) as error:
            raise explain(error, who=self._who, operation="Read") from error

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Fetched]:
        """Return what has arrived, waiting up to the time-out for the first record.

        Raises:
            MustFixError: TopicMissing, TopicForbidden or GroupForbidden.
            PassingError: Kafka did not answer.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                self._consumer._coordinator.check_errors()  # noqa: SLF001 - it waits for this
                await self._settle()
                fetched = await self._drain(max_records)
            except (TimeoutError, KafkaError) as error:
                raise explain(error, who=self._who, operation="Read") from error
            if fetched:
                return fetched
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                await see_that_all_is_well(self._client, self._topics, self._who)
                return []
            await self._news(remaining)

    async def _settle(self) -> None:
        """Find out where a new assignment begins, and tell the flow."""
        while (unsettled := self._unsettled) is not None:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    begin = await positions(self._consumer, self._mapping, unsettled, self._starts)
            except CommitFailedError:
                return  # The group is assigning anew.
            if self._unsettled is unsettled:
                self._unsettled = None
                self._positions = begin
                self.rewind(_ours(begin))
                self.hold(self._held)
                self._events.assigned(_ours(begin))

    async def _drain(self, max_records: int) -> list[Fetched]:
        """Take what aiokafka has fetched; it does not wait."""
        state = self._consumer._subscription  # noqa: SLF001 - `position` is a coroutine for each
        if self._unsettled is not None or state.reassignment_in_progress or not self._positions:
            return []
        records = await self._consumer.getmany(timeout_ms=0, max_records=max_records)
        fetched = []
        for partition, before in self._positions.items():
            here = state.subscription.assignment.state_value(partition)
            # It also moves without a record: over aborted transactions, control records, and gaps.
            if here.has_valid_position and here.position != before:
                self._positions[partition] = here.position
                fetched.append(
                    Fetched(
                        ports.TopicPartition(*partition),
                        records.get(partition, ()),
                        here.position,
                    )
                )
        return fetched

    async def _news(self, timeout_seconds: float) -> None:
        """Wait for records, an error or an assignment."""
        fetcher: Any = self._consumer._fetcher  # noqa: SLF001 - `getmany` waits without a bound
        waiter = self._waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
        try:
            await asyncio.wait({waiter}, timeout=timeout_seconds)
        finally:
            if not waiter.cancel() and not waiter.cancelled():
                waiter.exception()  # `check_errors` raises it, too.

    def assigned(self, partitions: set[TopicPartition]) -> None:
        """Take an assignment; nothing is fetched before it is settled."""
        self._consumer.pause(*partitions)
        self._unsettled = set(partitions)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def revoked(self) -> None:
        """Let the flow finish with all its partitions; the group waits, and heartbeats go on."""
        self._unsettled = None
        known, self._positions = self._positions, {}
        if known:
            try:
                await self._events.revoking([ports.TopicPartition(*each) for each in known])
            except Exception as error:  # noqa: BLE001 - aiokafka would swallow it; `fetch` raises it
                self._failure = error

    def hold(self, held: bool) -> None:  # noqa: FBT001 - a setter
        """Pause all partitions, those assigned later too, or go on; keep calling `fetch`."""
        self._held = held
        if self._unsettled is None:
            change = self._consumer.pause if held else self._consumer.resume
            change(*self._consumer.assignment())

    def rewind(self, positions: Mapping[ports.TopicPartition, int]) -> None:
        """Fetch again from these positions; one that is no longer ours is dropped in silence."""
        for place, position in positions.items():
            partition = TopicPartition(*place)
            if partition in self._positions:
                self._consumer.seek(partition, position)
                self._positions[partition] = position

    async def commit(self, positions: Mapping[ports.TopicPartition, int]) -> None:
        """Commit positions; one that is no longer ours is dropped in silence.

        Raises:
            MustFixError: TopicForbidden or GroupForbidden.
            PassingError: Kafka did not answer.
        """
        ours = self._consumer.assignment()
        wanted = {
            TopicPartition(*place): position
            for place, position in positions.items()
            if TopicPartition(*place) in ours
        }
        if not wanted:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await commit(self._consumer, wanted)
        except CommitFailedError:
            return
        except (TimeoutError, KafkaError) as error:
            raise explain(error, who=self._who, operation="Read") from error

    async def close(self) -> None:
        """Leave the group and disconnect, within some seconds; commit before it."""
        await leave(self._consumer)


def _ours(positions: Mapping[TopicPartition, int]) -> dict[ports.TopicPartition, int]:
    return {ports.TopicPartition(*place): position for place, position in positions.items()}
