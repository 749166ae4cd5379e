"""The consumer port on a real Kafka: where it begins, what it hands out, how it shares and ends."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError, PassingError
from mqtt_kafka_bridge.flows.ports import Fetched, RecordConsumer, TopicPartition
from mqtt_kafka_bridge.kafka import open_consumer, preflight
from tests.support.kafka import KafkaCluster
from tests.support.waiting import eventually_async


class _Member:
    """A consumer and what it was told; it hands over its partitions when it has committed."""

    consumer: RecordConsumer

    def __init__(self) -> None:
        self.begun: dict[TopicPartition, int] = {}
        self.mine: dict[TopicPartition, int] = {}
        self.told: list[str] = []
        self.values: list[bytes | None] = []
        self.commits_on_revoke = True

    async def revoking(self, partitions: Sequence[TopicPartition]) -> None:
        self.told.append("revoking")
        assert set(partitions) == set(self.mine)
        if self.commits_on_revoke:
            await self.consumer.commit(self.mine)
        self.mine = {}

    def assigned(self, partitions: Mapping[TopicPartition, int]) -> None:
        self.told.append("assigned")
        self.begun, self.mine = dict(partitions), dict(partitions)

    async def fetch(self, seconds: float = 1.0) -> list[Fetched]:
        """Fetch once and note the positions."""
        fetched = await self.consumer.fetch(1000, seconds)
        for part in fetched:
            assert part.partition in self.mine, "nothing comes before the assignment is told"
            self.mine[part.partition] = part.next_offset
            self.values += [record.value for record in part.records]
        return fetched

    async def until_assigned(self, partitions: int) -> None:
        async with asyncio.timeout(30):
            while len(self.mine) != partitions:
                await self.fetch(0.1)

    async def until_it_fails(self) -> None:
        async with asyncio.timeout(30):
            while True:
                await self.fetch(0.2)

    async def until_read(self, records: int) -> None:
        async with asyncio.timeout(30):
            while len(self.values) < records:
                await self.fetch()


def _config(kafka: KafkaCluster, topics: list[str], start_from: str) -> BridgeConfig:
    source = {"topics": topics, "startFrom": start_from}
    return BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "tested",
            "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
            "kafka": {
                "bootstrapServers": kafka.bootstrap,
                "consumer": {"groupPrefix": topics[0]},
            },
            "kafkaToMqtt": [{"name": "m", "from": source, "to": {"topic": "t"}}],
        }
    )


@asynccontextmanager
async def _member(
    kafka: KafkaCluster, *topics: str, start_from: str = "Earliest", pod: str = "pod"
) -> AsyncIterator[_Member]:
    member = _Member()
    config = _config(kafka, list(topics), start_from)
    member.consumer = await open_consumer(config, config.kafka_to_mqtt[0], pod, member)
    try:
        yield member
    finally:
        await member.consumer.close()


@asynccontextmanager
async def _writer(kafka: KafkaCluster, **options: Any) -> AsyncIterator[AIOKafkaProducer]:  # noqa: ANN401
    writer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **options)
    await writer.start()
    try:
        yield writer
    finally:
        await writer.stop()


async def _write(kafka: KafkaCluster, topic: str, *values: bytes, partition: int = 0) -> None:
    async with _writer(kafka) as writer:
        for value in values:
            await writer.send_and_wait(topic, value, key=b"k", partition=partition)


async def test_earliest_begins_at_the_start_and_is_committed_before_anything_is_read(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique, 2)
    await _write(kafka, unique, b"1", b"2")
    async with _member(kafka, unique) as member:
        await member.until_assigned(2)
        assert kafka.admin.committed(f"{unique}.m", unique) == {0: 0, 1: 0}
        await member.until_read(2)
    assert member.begun == {TopicPartition(unique, 0): 0, TopicPartition(unique, 1): 0}
    assert member.values == [b"1", b"2"]


async def test_latest_is_resolved_once_and_survives_a_restart_without_a_record(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique, 2)
    await _write(kafka, unique, b"old")
    async with _member(kafka, unique, start_from="Latest") as member:
        await member.until_assigned(2)
        assert member.begun == {TopicPartition(unique, 0): 1, TopicPartition(unique, 1): 0}
    await _write(kafka, unique, b"while it was away")
    async with _member(kafka, unique, start_from="Latest") as member:
        await member.until_read(1)
    assert member.values == [b"while it was away"]


async def test_a_partition_that_was_added_begins_at_its_start_whatever_start_from_says(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique, 1)
    async with _member(kafka, unique, start_from="Latest") as member:
        await member.until_assigned(1)
        kafka.admin.add_partitions(unique, 2)
        await _write(kafka, unique, b"first in the new one", partition=1)
        await member.until_read(1)
        assert member.told == ["assigned", "revoking", "assigned"]
        assert member.begun[TopicPartition(unique, 1)] == 0
    assert member.values == [b"first in the new one"]


async def test_a_topic_that_was_added_begins_as_start_from_says(
    kafka: KafkaCluster, unique: str
) -> None:
    other = f"{unique}-other"
    kafka.admin.create_topic(unique)
    kafka.admin.create_topic(other)
    await _write(kafka, other, b"old")
    async with _member(kafka, unique, start_from="Latest") as member:
        await member.until_assigned(1)
    async with _member(kafka, unique, other, start_from="Latest") as member:
        await member.until_assigned(2)
    assert member.begun[TopicPartition(other, 0)] == 1


async def test_what_is_committed_is_not_read_again(kafka: KafkaCluster, unique: str) -> None:
    kafka.admin.create_topic(unique)
    await _write(kafka, unique, b"1", b"2", b"3")
    async with _member(kafka, unique) as member:
        await member.until_read(3)
        await member.consumer.commit({TopicPartition(unique, 0): 2, TopicPartition("none", 7): 9})
    async with _member(kafka, unique) as member:
        await member.until_read(1)
    assert member.values == [b"3"]


async def test_positions_are_contiguous_over_what_transactions_leave_behind(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique)
    async with _writer(kafka, transactional_id=unique) as writer:
        async with writer.transaction():
            await writer.send_and_wait(unique, b"kept")
        await writer.begin_transaction()
        await writer.send_and_wait(unique, b"aborted")
        await writer.abort_transaction()
    end = 4  # a record and its commit marker, a record and its abort marker
    async with _member(kafka, unique) as member:
        async with asyncio.timeout(20):
            while member.mine.get(TopicPartition(unique, 0)) != end:
                await member.fetch()
    assert member.values == [b"kept"]


async def test_a_held_member_reads_nothing_also_after_a_rebalance_and_then_goes_on(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique, 1)
    await _write(kafka, unique, b"1")
    async with _member(kafka, unique) as member:
        member.consumer.hold(True)  # noqa: FBT003 - a setter
        await member.until_assigned(1)
        kafka.admin.add_partitions(unique, 2)
        await member.until_assigned(2)
        assert await member.fetch(1.0) == []
        member.consumer.hold(False)  # noqa: FBT003
        await member.until_read(1)


async def test_rewinding_reads_again(kafka: KafkaCluster, unique: str) -> None:
    kafka.admin.create_topic(unique)
    await _write(kafka, unique, b"1", b"2", b"3")
    async with _member(kafka, unique) as member:
        await member.until_read(3)
        member.consumer.rewind({TopicPartition(unique, 0): 1, TopicPartition("none", 0): 5})
        await member.until_read(5)
    assert member.values == [b"1", b"2", b"3", b"2", b"3"]


async def test_two_members_share_and_hand_over_without_a_record_twice_or_lost(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique, 4)
    async with AsyncExitStack() as members:
        first = await members.enter_async_context(_member(kafka, unique, pod="one"))
        await first.until_assigned(4)
        second = _member(kafka, unique, pod="two")
        other = await second.__aenter__()
        async with asyncio.timeout(30):
            while (len(first.mine), len(other.mine)) != (2, 2):
                await asyncio.gather(first.fetch(0.1), other.fetch(0.1))
        for partition in range(4):
            await _write(kafka, unique, b"%d" % partition, partition=partition)
        await asyncio.gather(first.until_read(2), other.until_read(2))
        assert sorted(filter(None, first.values + other.values)) == [b"0", b"1", b"2", b"3"]
        await other.consumer.commit(other.mine)
        await second.__aexit__(None, None, None)
        assert "revoking" not in other.told, "closing does not ask: commit before it"
        await first.until_assigned(4)
        await _write(kafka, unique, b"last", partition=0)
        await first.until_read(3)
    assert len(first.values) == 3


async def test_a_member_that_was_thrown_out_commits_nothing_and_begins_again(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique)
    await _write(kafka, unique, b"1", b"2")
    async with _member(kafka, unique) as member:
        await member.until_read(2)
        coordinator = member.consumer._consumer._coordinator  # type: ignore[attr-defined]  # noqa: SLF001
        member.commits_on_revoke = False
        coordinator.reset_generation()  # what it does when Kafka does not know it any more
        await member.consumer.commit({TopicPartition(unique, 0): 2})
        assert kafka.admin.committed(f"{unique}.m", unique) == {0: 0}
        await member.until_read(4)
    assert member.told == ["assigned", "revoking", "assigned"]


async def test_a_missing_topic_is_told_at_once(kafka: KafkaCluster, unique: str) -> None:
    with pytest.raises(MustFixError) as caught:
        async with _member(kafka, unique):
            pass
    assert caught.value.reason is Reason.TOPIC_MISSING


async def test_a_topic_that_is_deleted_is_told_by_fetch(kafka: KafkaCluster, unique: str) -> None:
    kafka.admin.create_topic(unique)
    async with _member(kafka, unique) as member:
        await member.until_assigned(1)
        kafka.admin.delete_topic(unique)
        with pytest.raises(MustFixError) as caught:
            await member.until_it_fails()
    assert caught.value.reason is Reason.TOPIC_MISSING


async def test_a_frozen_kafka_is_told_by_fetch_and_the_end_is_bounded_and_clean(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique)
    before = asyncio.all_tasks()
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    member = _Member()
    config = _config(kafka, [unique], "Earliest")
    member.consumer = await open_consumer(config, config.kafka_to_mqtt[0], "pod", member)
    await member.until_assigned(1)
    kafka.freeze()
    try:
        with pytest.raises(PassingError) as caught:
            await member.until_it_fails()
        assert caught.value.reason is Reason.KAFKA_UNREACHABLE
        with pytest.raises(PassingError):
            await member.consumer.commit({TopicPartition(unique, 0): 0})
        started = time.monotonic()
        await member.consumer.close()
        assert time.monotonic() - started < 8
        await member.consumer.close()
    finally:
        kafka.thaw()
    await eventually_async(lambda: asyncio.all_tasks() <= before, 5)
    del member
    gc.collect()
    assert not complaints
    await preflight(config)


async def test_an_error_of_the_flow_while_revoking_is_not_swallowed(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique)
    async with _member(kafka, unique) as member:
        await member.until_assigned(1)

        async def broken(_partitions: Sequence[TopicPartition]) -> None:
            raise ZeroDivisionError

        member.revoking = broken  # type: ignore[assignment,method-assign]
        kafka.admin.add_partitions(unique, 2)
        with pytest.raises(ZeroDivisionError):
            await member.until_it_fails()
