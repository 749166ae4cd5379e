"""Members of the sessions' group, as tests of the coordination on a real Kafka want them."""

# confluent_kafka.admin re-exports its names without saying so:
# mypy: disable-error-code="attr-defined"

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.flows.coordination_port import Assignment, Coordination
from mqtt_kafka_bridge.kafka import open_coordination
from tests.support.kafka import KafkaBroker, KafkaCluster
from tests.support.waiting import eventually_async

SLOTS = 64
_SESSION_MS, _REBALANCE_MS = 30_000, 15_000


def config(
    kafka: KafkaCluster,
    name: str,
    secured: Mapping[str, object] | None = None,
    /,
    **coordination: object,
) -> BridgeConfig:
    """Return the configuration of a bridge that coordinates by Kafka.

    Args:
        kafka: where.
        name: of the bridge.
        secured: another way to connect than by the plain listener.
        coordination: what stands at `kafka.coordination`.
    """
    connection = secured or {"bootstrapServers": kafka.bootstrap}
    return BridgeConfig.model_validate(
        {
            "version": 1,
            "name": name,
            "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
            "kafka": {**connection, "coordination": coordination},
        }
    )


def policy(kafka: KafkaCluster, topic: str) -> str:
    """Return a topic's `cleanup.policy`."""
    admin = AdminClient({"bootstrap.servers": ",".join(kafka.bootstrap)})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    found: str = admin.describe_configs([resource])[resource].result(30)["cleanup.policy"].value
    return found


@asynccontextmanager
async def member(config: BridgeConfig, pod: str) -> AsyncIterator[Coordination]:
    """Take part as long as the context lasts."""
    coordination = await open_coordination(config, pod)
    try:
        yield coordination
    finally:
        await coordination.close()


@asynccontextmanager
async def two(config: BridgeConfig) -> AsyncIterator[tuple[Coordination, Coordination]]:
    """Let the pods `a` and `b` take part, each with its share, as long as the context lasts."""
    async with member(config, "a") as first, member(config, "b") as second:
        await settled([first, second])
        yield first, second


def assigned(member: Coordination) -> Assignment:
    """Return a member's assignment, which it must have."""
    assert member.assignment is not None
    return member.assignment


async def settled(members: Sequence[Coordination], within_seconds: float = 15) -> None:
    """Wait until all members have an assignment of one generation, in which all are present."""
    instances = frozenset(each.instance for each in members)

    def done() -> bool:
        found = [each.assignment for each in members if each.assignment]
        return (
            len(found) == len(members)
            and all(one.present == instances for one in found)
            and len({one.generation for one in found}) == 1
        )

    await eventually_async(done, within_seconds, what="all members assigned")


def coordinator(kafka: KafkaCluster, group: str) -> KafkaBroker:
    """Return the broker that coordinates a group."""
    node = _described(kafka, group).coordinator.id
    return next(broker for broker in kafka.brokers if broker.node == node)


def _described(kafka: KafkaCluster, group: str) -> Any:  # noqa: ANN401 - confluent_kafka has no types
    admin = AdminClient({"bootstrap.servers": ",".join(kafka.bootstrap)})
    return admin.describe_consumer_groups([group])[group].result(30)


def group_of(config: BridgeConfig) -> str:
    """Return the name of a bridge's group of sessions."""
    return f"{config.group_prefix}._sessions"


@asynccontextmanager
async def _client(kafka: KafkaCluster) -> AsyncIterator[Any]:
    client = AIOKafkaClient(bootstrap_servers=kafka.bootstrap)
    await client.bootstrap()
    try:
        yield client
    finally:
        await client.close()


async def _coordinator(client: Any, group: str) -> int:  # noqa: ANN401 - aiokafka has no types
    """Return the broker that coordinates a group; a new cluster takes a moment to know it."""
    async with asyncio.timeout(15):
        while True:
            try:
                node: int = await client.coordinator_lookup(CoordinationType.GROUP, group)
            except KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(0.02)
            else:
                return node


async def evict(kafka: KafkaCluster, group: str, pod: str) -> None:
    """Throw a member out of a group behind its back; it hears of it at its next heartbeat."""
    (member_id,) = [
        m.member_id for m in _described(kafka, group).members if m.client_id.endswith(f".{pod}")
    ]
    async with _client(kafka) as client:
        node = await _coordinator(client, group)
        answer = await client.send(node, LeaveGroupRequest(group, member_id))
        assert answer.error_code == 0


class ScriptedLeader:
    """The first member of a group, which decides as its test says, and when."""

    def __init__(self, client: Any, group: str, topic: str) -> None:  # noqa: ANN401 - aiokafka has no types
        self._client, self._group, self._topic = client, group, topic
        self._node = -1
        self._id = ""
        self._generation = -1
        self._members: list[str] = []

    @classmethod
    @asynccontextmanager
    async def joined(cls, kafka: KafkaCluster, group: str, topic: str) -> AsyncIterator[Self]:
        """Be alone in the group, and its leader."""
        async with _client(kafka) as client:
            leader = cls(client, group, topic)
            leader._node = await _coordinator(client, group)
            await leader.join(1)
            await leader.assign(())
            yield leader

    async def join(self, members: int = 2) -> None:
        """Let the group assign anew; done when so many have joined."""
        self._members = []
        async with asyncio.timeout(15):
            while len(self._members) < members:
                await self._join()

    async def _join(self) -> None:
        metadata = ConsumerProtocolMemberMetadata(0, [self._topic], b"{}").encode()
        protocols = [("mqttkafka.slots", metadata)]
        request = JoinGroupRequest(
            self._group, _SESSION_MS, _REBALANCE_MS, self._id, None, "consumer", protocols
        )
        answer = await self._client.send(self._node, request)
        self._id, self._generation = answer.member_id, answer.generation_id
        self._members = [each[0] for each in answer.members]

    async def assign(self, slots: Collection[int], instance: str = "") -> None:
        """Give slots to the one other member, whose instance this is."""
        told = json.dumps({"v": 1, "present": [instance]}).encode()
        share = [(self._topic, sorted(slots))]
        assignment = ConsumerProtocolMemberAssignment(0, share, told).encode()
        others = [(each, assignment) for each in self._members if each != self._id]
        request = SyncGroupRequest(self._group, self._generation, self._id, None, others)
        answer = await self._client.send(self._node, request)
        assert answer.error_code == 0
