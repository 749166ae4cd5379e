"""`startFrom` of a mapping that several pods share, on a real Kafka: one resolves it, for all."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from confluent_kafka import Producer

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.flows.coordination_port import Coordination
from mqtt_kafka_bridge.flows.ports import RecordConsumer, TopicPartition
from mqtt_kafka_bridge.kafka import open_consumer
from tests.support.coordination import assigned, config, member, settled
from tests.support.kafka import KafkaCluster


class _Reader:
    """A member of a mapping's group, as a pod has it."""

    consumer: RecordConsumer

    def __init__(self) -> None:
        self.begun: dict[TopicPartition, int] = {}

    async def revoking(self, partitions: Sequence[TopicPartition]) -> None:
        """Nothing is under way."""

    def assigned(self, partitions: Mapping[TopicPartition, int]) -> None:
        self.begun = dict(partitions)

    async def fetch_until(self, partitions: int) -> None:
        async with asyncio.timeout(30):
            while len(self.begun) != partitions:
                await self.consumer.fetch(100, 0.1)


def _mapping(topic: str) -> KafkaToMqtt:
    source = {"topics": [topic], "startFrom": "Latest"}
    return KafkaToMqtt.model_validate({"name": "m", "from": source, "to": {"topic": "t"}})


@asynccontextmanager
async def _reader(
    bridge: BridgeConfig, topic: str, coordination: Coordination, pod: str
) -> AsyncIterator[_Reader]:
    reader = _Reader()
    mapping = _mapping(topic)
    reader.consumer = await open_consumer(bridge, mapping, pod, reader, coordination)
    try:
        yield reader
    finally:
        await reader.consumer.close()


def _produce(kafka: KafkaCluster, topic: str, partition: int, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": ",".join(kafka.bootstrap)})
    for value in values:
        producer.produce(topic, value, b"k", partition)
    assert producer.flush(30) == 0


async def test_pods_that_race_are_all_told_what_one_of_them_resolved(
    kafka: KafkaCluster, unique: str
) -> None:
    resolved: list[int] = []

    async def resolve() -> dict[TopicPartition, int]:
        await asyncio.sleep(0.1)  # as Kafka would take
        resolved.append(len(resolved))
        return {TopicPartition("t", 0): 40 + len(resolved), TopicPartition("t", 1): 7}

    async with (
        member(config(kafka, unique), "a") as first,
        member(config(kafka, unique), "b") as second,
        member(config(kafka, unique), "c") as third,
    ):
        pods = [first, second, third]
        told = await asyncio.gather(*(pod.start("m", resolve) for pod in pods))
        expected = {TopicPartition("t", 0): 41, TopicPartition("t", 1): 7}
        assert told == [expected] * 3
        await settled(pods)
        (owner,) = [pod for pod in pods if slot_of("m", 0, 64) in assigned(pod).slots]
        await owner.close()
        left = [pod for pod in pods if pod is not owner]
        assert [await pod.start("m", resolve) for pod in left] == [expected] * 2
    assert resolved == [0]


async def test_latest_is_where_the_first_pod_found_it_and_added_partitions_begin_at_zero(
    kafka: KafkaCluster, unique: str
) -> None:
    bridge = config(kafka, unique)
    topic = kafka.admin.create_topic(f"{unique}.t", 2)
    _produce(kafka, topic, 0, b"old", b"old")
    async with member(bridge, "a") as first, member(bridge, "b") as second:
        await settled([first, second])
        async with _reader(bridge, topic, first, "a") as reader:
            other = _reader(bridge, topic, second, "b")
            async with other as late:
                await asyncio.gather(reader.fetch_until(1), late.fetch_until(1))
                assert {**reader.begun, **late.begun} == {
                    TopicPartition(topic, 0): 2,
                    TopicPartition(topic, 1): 0,
                }
    kafka.admin.add_partitions(topic, 3)
    _produce(kafka, topic, 0, b"while all were away")
    _produce(kafka, topic, 2, b"in the added one")
    async with member(bridge, "c") as third, _reader(bridge, topic, third, "c") as reader:
        await reader.fetch_until(3)
        assert reader.begun == {
            TopicPartition(topic, 0): 2,
            TopicPartition(topic, 1): 0,
            TopicPartition(topic, 2): 0,
        }
