"""The coordination topic as it is read: all of it, by a consumer without a group, without an end.

What can't be read of it is the view's affair; what Kafka refuses is told by `catch_up`, and tried
again. Brokers that restart and leaders that move are aiokafka's affair.
"""

import asyncio
from collections import defaultdict
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.client import ConnectionGroup
from aiokafka.protocol.offset import OffsetRequest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import BridgeError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Bell
from mqtt_kafka_bridge.kafka.causes import explain, principal
from mqtt_kafka_bridge.kafka.connections import sever
from mqtt_kafka_bridge.kafka.security import security

ANSWER_SECONDS: Final = 10.0
"""Longest wait for an answer, and for progress in reading."""
CLOSE_SECONDS: Final = 2.0
METADATA_AGE_MS: Final = 5000
_FETCH_BYTES: Final = 1_048_576
"""Most that a broker sends at once: it bounds memory."""
_IDLE_MS: Final = 1000
"""How long a broker may sit on a fetch; a record ends it at once."""
_RECORDS: Final = 100
"""Most that are taken in at once: the event loop has other things to do."""
_LOOK_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 0.1
_FAILED_SECONDS: Final = 1.0
_READ_COMMITTED: Final = 1
_LATEST: Final = -1
_NO_REPLICA: Final = -1


class SessionLog:
    """Reads a topic into a view.

    Args:
        config: how to connect.
        client_id: for Kafka's logs and quotas.
        topic: the coordination topic.
        slots: how many partitions it has.
        view: what was read, for whoever wants to know.
        bell: rung when records were read.
    """

    def __init__(
        self,
        config: BridgeConfig,
        client_id: str,
        *,
        topic: str,
        slots: int,
        view: View,
        bell: Bell,
    ) -> None:
        self._who = principal(config)
        self._topic = topic
        self._view = view
        self._bell = bell
        self._partitions = [TopicPartition(topic, slot) for slot in range(slots)]
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=list(config.kafka.bootstrap_servers),
            client_id=client_id,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_IDLE_MS,
            metadata_max_age_ms=METADATA_AGE_MS,
            request_timeout_ms=round(ANSWER_SECONDS * 1000),
            **security(config.kafka),
        )
        self._client = self._consumer._client  # noqa: SLF001 - asked for ends by another connection
        self._reading: asyncio.Task[None] | None = None
        self._closed = False
        self.failure: BridgeError | None = None

    async def start(self) -> None:
        """Connect and begin to read.

        Raises:
            KafkaError: as it comes.
        """
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        self._reading = asyncio.create_task(self._read(), name="coordination topic")

    async def _read(self) -> None:
        while True:
            try:
                fetched = await self._consumer.getmany(timeout_ms=_IDLE_MS, max_records=_RECORDS)
            except kafka_errors.KafkaError as error:
                self.failure = explain(error, who=self._who, topic=self._topic, operation="Read")
                await asyncio.sleep(_FAILED_SECONDS)
                continue
            self.failure = None
            for records in fetched.values():
                for record in records:
                    if record.key is not None:
                        self._view.apply(record.key, record.value, record.offset)
            if fetched:
                self._bell.ring()
            await asyncio.sleep(0)

    def position(self, slot: int) -> int:
        """Return up to where a slot was read."""
        state = self._consumer._subscription.subscription.assignment.state_value(  # noqa: SLF001
            self._partitions[slot]  # `position` is a coroutine, and waits for a valid one
        )
        return int(state.position) if state.has_valid_position else 0

    async def catch_up(self) -> None:
        """Wait until all that the topic holds at this moment was read.

        Raises:
            BridgeError: Kafka did not answer, or forbids it; or it is closed.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ends = await self._ends()
            while behind := self._behind(ends):
                async with asyncio.timeout(ANSWER_SECONDS):
                    while self._behind(ends) == behind:
                        self._see_that_it_reads()
                        await self._bell.wait(_LOOK_SECONDS)  # Gaps of compaction ring no bell.
        except (TimeoutError, kafka_errors.KafkaError) as error:
            raise explain(error, who=self._who, topic=self._topic, operation="Read") from error

    def _see_that_it_is_open(self) -> None:
        """Tell whoever still wants to read; a reader that was cancelled would end them as well."""
        if self._closed:
            raise PassingError(Reason.STOPPING, "this pod has left the coordination")

    def _see_that_it_reads(self) -> None:
        self._see_that_it_is_open()
        if self._reading is not None and self._reading.done():
            self._reading.result()  # A bug, which nobody else would hear of.
        if self.failure is not None:
            raise self.failure

    def _behind(self, ends: dict[int, int]) -> int:
        """Return how many offsets are still to be read."""
        return sum(max(0, end - self.position(slot)) for slot, end in ends.items())

    async def _ends(self) -> dict[int, int]:
        """Return where each slot ends now, for a reader of what is committed."""
        while True:
            self._see_that_it_is_open()
            try:
                return await self._ask_ends()
            except kafka_errors.KafkaError as error:
                if not error.retriable:
                    raise
            await self._client.force_metadata_update()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _ask_ends(self) -> dict[int, int]:
        asked: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for partition in self._partitions:
            leader = self._client.cluster.leader_for_partition(partition)
            if leader is None or leader < 0:
                raise kafka_errors.LeaderNotAvailableError(partition)
            asked[leader].append((partition.partition, _LATEST))
        ends: dict[int, int] = {}
        for leader, slots in asked.items():
            request = OffsetRequest(_NO_REPLICA, _READ_COMMITTED, [(self._topic, slots)])
            # By a connection of its own: a fetch holds up what comes behind it.
            answer: Any = await self._client.send(
                leader, request, group=ConnectionGroup.COORDINATION
            )
            ((_, partitions),) = answer.topics
            for slot, code, _timestamp, end in partitions:
                if code:
                    raise kafka_errors.for_code(code)(self._topic)
                ends[slot] = end
        return ends

    async def close(self) -> None:
        """Disconnect, within some seconds whatever Kafka is doing."""
        self._closed = True
        self._bell.ring()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        # It may wait for answers, and fail in many ways: hence a task of its own, as for members.
        stopping = asyncio.create_task(self._consumer.stop())
        await asyncio.wait({stopping}, timeout=CLOSE_SECONDS)
        fetcher = self._consumer._fetcher  # noqa: SLF001 - no abort there
        fetching = [] if fetcher is None else [fetcher._fetch_task, *fetcher._pending_tasks]  # noqa: SLF001
        await sever(self._client, [stopping, *fetching])
