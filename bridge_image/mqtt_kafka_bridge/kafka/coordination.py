"""The coordination by Kafka: a group as the lock, a topic as the memory."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from aiokafka.errors import KafkaError

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows.coordination_port import Assignment, Bell, Coordination, Resolve
from mqtt_kafka_bridge.flows.ports import TopicPartition
from mqtt_kafka_bridge.kafka.adjustments import quiet_logs
from mqtt_kafka_bridge.kafka.causes import explain, principal
from mqtt_kafka_bridge.kafka.coordination_topic import SLOTS, prepare
from mqtt_kafka_bridge.kafka.members import see_that_it_may_join
from mqtt_kafka_bridge.kafka.preflight import preflight
from mqtt_kafka_bridge.kafka.session_log import SessionLog
from mqtt_kafka_bridge.kafka.session_writer import SessionWriter
from mqtt_kafka_bridge.kafka.slot_group import SlotGroup
from mqtt_kafka_bridge.kafka.slot_membership import MemberClient
from mqtt_kafka_bridge.kafka.starts import recorded_start

START_SECONDS: Final = 20.0
_INSTANCE_BYTES: Final = 8


async def open_coordination(config: BridgeConfig, pod: str) -> Coordination:
    """Prepare the coordination topic, begin to read it, and begin to join the sessions' group.

    Raises:
        MustFixError: as `preflight`; TopicMissing, TopicForbidden, GroupForbidden,
            CoordinationTopicWrong.
        PassingError: KafkaUnreachable.
    """
    quiet_logs()
    await preflight(config)
    coordination = KafkaCoordination(config, pod)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(coordination.close)
        await coordination.connect()
        undo.pop_all()
    return coordination


class KafkaCoordination:
    """The `Coordination` port on aiokafka."""

    def __init__(self, config: BridgeConfig, pod: str) -> None:
        self._config = config
        self._who = principal(config)
        self._topic = config.coordination_topic
        self._instance = secrets.token_hex(_INSTANCE_BYTES)
        self._view = View()
        self._bell = Bell()
        client_id = f"{config.sessions_group}.{pod}"
        self._client = MemberClient(config, client_id)
        self._group = SlotGroup(
            config,
            pod=pod,
            instance=self._instance,
            topic=self._topic,
            slots=SLOTS,
            bell=self._bell,
            client=self._client,
        )
        self._log = SessionLog(
            config, client_id, topic=self._topic, slots=SLOTS, view=self._view, bell=self._bell
        )
        self._writer = SessionWriter(config, pod, self._topic)

    async def connect(self) -> None:
        """Connect, and begin to read and to join; the first assignment comes later.

        Raises:
            MustFixError: TopicMissing, TopicForbidden, GroupForbidden, CoordinationTopicWrong.
            PassingError: KafkaUnreachable.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._client.bootstrap()
                await prepare(self._client, self._config, self._group.name)
                await see_that_it_may_join(self._client, self._group.name, self._who)
                await self._log.start()
                await self._writer.open()
        except (TimeoutError, KafkaError) as error:
            raise explain(error, who=self._who, topic=self._topic, operation="Read") from error
        self._group.join()

    @property
    def instance(self) -> str:
        """The name of this life of this process; another life of the same pod has another."""
        return self._instance

    @property
    def slots(self) -> int:
        """How many slots there are."""
        return SLOTS

    @property
    def view(self) -> View:
        """What the coordination topic says, as far as it was read."""
        return self._view

    @property
    def assignment(self) -> Assignment | None:
        """The present assignment; None before the first, and while thrown out."""
        return self._group.tenure.assignment if self._group.tenure else None

    @property
    def bell(self) -> Bell:
        """Rings at each new assignment, and when records were read."""
        return self._bell

    @property
    def failure(self) -> BridgeError | None:
        """What keeps this pod from taking part just now; it is tried again."""
        return self._group.failure or self._log.failure

    async def prove(self, slot: int) -> None:
        """Prove by a generation-fenced commit that a slot is ours now.

        Raises:
            LeaseRefusedError: it is not; the slot must be dropped. The pod joins again by itself.
            BridgeError: Kafka did not answer, or forbids it: unknown, so do not connect.
        """
        # Where we have read to: so the group's lag is that of a reader, for whoever watches it.
        await self._group.prove(slot, self._log.position(slot))

    async def catch_up(self) -> None:
        """Read all that the topic holds at this moment into `view`.

        Raises:
            BridgeError: Kafka did not answer, or forbids it.
        """
        await self._log.catch_up()

    async def write(self, slot: int, key: bytes, value: bytes | None) -> int:
        """Store a record on all in-sync replicas; return its offset. None is a tombstone.

        Raises:
            BridgeError: it is not known whether it was stored.
        """
        return await self._writer.write(slot, key, value)

    async def start(self, mapping: str, resolve: Resolve) -> Mapping[TopicPartition, int]:
        """Return where a mapping began; resolve and record it if nobody has, and it is ours to do.

        Raises:
            BridgeError: Kafka did not answer, or forbids it; or nobody has recorded it yet.
        """
        return await recorded_start(self, mapping, resolve)

    async def close(self) -> None:
        """Leave the group and disconnect, within some seconds whatever Kafka is doing."""
        await asyncio.gather(self._group.close(), self._log.close(), self._writer.close())
