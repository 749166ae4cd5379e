"""The producer port on a real Kafka: what it stores, what it finds out before, how it ends."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.flows.ports import Batch, RecordProducer
from mqtt_kafka_bridge.kafka import is_too_large, open_consumer, open_producer
from mqtt_kafka_bridge.kafka.producer import Producer
from mqtt_kafka_bridge.mapping.messages import SourceRecord
from mqtt_kafka_bridge.mapping.sizes import record_bytes
from tests.support.kafka import KafkaCluster
from tests.support.waiting import eventually_async


def _config(kafka: KafkaCluster, name: str, **more: Any) -> BridgeConfig:  # noqa: ANN401 - YAML
    mapping = {"name": "back", "from": {"topics": [name]}, "to": {"topic": "t"}}
    mapping["from"] = {"topics": [name], "startFrom": "Earliest"}
    return BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "tested",
            "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
            "kafka": {
                "bootstrapServers": kafka.bootstrap,
                "consumer": {"groupPrefix": name},
                **more,
            },
            "kafkaToMqtt": [mapping],
        }
    )


@asynccontextmanager
async def _producer(kafka: KafkaCluster, name: str, **more: Any) -> AsyncIterator[RecordProducer]:  # noqa: ANN401
    producer = await open_producer(_config(kafka, name, **more), "telemetry", "pod")
    try:
        yield producer
    finally:
        await producer.abandon()


def _batch(producer: RecordProducer, *values: bytes, max_bytes: int = 100_000) -> Batch:
    batch = producer.new_batch(max_bytes)
    for value in values:
        assert batch.append(timestamp=1, key=b"key", value=value, headers=[("h", b"1")])
    return batch


class _Deaf:
    async def revoking(self, partitions: object) -> None: ...

    def assigned(self, partitions: object) -> None: ...


async def _read_all(kafka: KafkaCluster, topic: str, count: int) -> list[SourceRecord]:
    config = _config(kafka, topic)
    consumer = await open_consumer(config, config.kafka_to_mqtt[0], "pod", _Deaf())
    records: list[SourceRecord] = []
    try:
        async with asyncio.timeout(20):
            while len(records) < count:
                for fetched in await consumer.fetch(1000, 1):
                    records.extend(fetched.records)
    finally:
        await consumer.close()
    return records


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_what_is_sent_is_stored_with_key_headers_and_timestamp(
    kafka: KafkaCluster, unique: str, codec: str
) -> None:
    kafka.admin.create_topic(unique)
    async with _producer(kafka, unique, producer={"compression": codec}) as producer:
        await producer.topic(unique)
        batch = producer.new_batch(100_000)
        batch.append(timestamp=1_700_000_000_123, key=b"k", value=b"v" * 500, headers=())
        batch.append(timestamp=1_700_000_000_124, key=None, value=b"", headers=[("é", b"\xff")])
        batch.append(timestamp=1_700_000_000_125, key=b"k", value=None, headers=(("a", b"b"),))
        assert batch.record_count() == 3
        await (await producer.send(batch, unique, 0))
    first, second, third = await _read_all(kafka, unique, 3)
    assert (first.offset, first.timestamp, first.key, first.value, list(first.headers)) == (
        0,
        1_700_000_000_123,
        b"k",
        b"v" * 500,
        [],
    )
    assert (second.key, second.value, second.headers) == (None, b"", [("é", b"\xff")])
    assert (third.value, third.headers) == (None, [("a", b"b")])


async def test_batches_of_a_partition_are_stored_in_the_order_in_which_they_were_sent(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique)
    async with _producer(kafka, unique) as producer:
        await producer.topic(unique)
        sent = [await producer.send(_batch(producer, b"%d" % n), unique, 0) for n in range(50)]
        await asyncio.gather(*sent)
    values = [record.value for record in await _read_all(kafka, unique, 50)]
    assert values == [b"%d" % n for n in range(50)]


async def test_a_full_batch_refuses_and_a_single_record_always_fits(
    kafka: KafkaCluster, unique: str
) -> None:
    async with _producer(kafka, unique) as producer:
        batch = producer.new_batch(1000)
        assert batch.append(timestamp=1, key=None, value=b"x" * 5000, headers=[])
        assert batch.append(timestamp=1, key=None, value=b"x", headers=[]) is None
        assert batch.append(timestamp=1, key=None, value=b"", headers=[]) is None
        assert batch.record_count() == 1


async def test_the_largest_record_that_a_topic_takes_is_taken(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique, config={"max.message.bytes": "2000"})
    async with _producer(kafka, unique, producer={"compression": "none"}) as producer:
        topic = await producer.topic(unique)
        assert topic.min_insync_replicas == 1
        value = b"x" * (topic.max_record_bytes - record_bytes(b"key", b"", [("h", b"1")]))
        assert record_bytes(b"key", value, [("h", b"1")]) == topic.max_record_bytes
        await (await producer.send(_batch(producer, value), unique, 0))


async def test_a_missing_topic_is_found_before_anything_is_sent(
    kafka: KafkaCluster, unique: str
) -> None:
    async with _producer(kafka, unique) as producer:
        with pytest.raises(MustFixError) as caught:
            await producer.topic(unique)
        assert caught.value.reason is Reason.TOPIC_MISSING
        assert f"--create --topic {unique} --partitions" in caught.value.cure
        assert producer.partitions(unique) is None
        with pytest.raises(MustFixError, match="does not exist"):
            await producer.send(_batch(producer, b"1"), unique, 0)


async def test_a_topic_is_created_once_and_known_at_once(kafka: KafkaCluster, unique: str) -> None:
    async with _producer(kafka, unique) as producer:
        await producer.create_topic(unique)
        await producer.create_topic(unique)
        assert (await producer.topic(unique)).partitions == 3
        assert producer.partitions(unique) == 3
        await (await producer.send(_batch(producer, b"1"), unique, 2))


async def test_added_partitions_are_seen_within_ten_seconds(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique, 1)
    async with _producer(kafka, unique) as producer:
        await producer.topic(unique)
        kafka.admin.add_partitions(unique, 4)
        await eventually_async(lambda: producer.partitions(unique) == 4, 10)


async def test_a_batch_that_became_too_large_says_so_and_spends_the_producer(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique)
    async with _producer(kafka, unique, producer={"compression": "none"}) as producer:
        await producer.topic(unique)
        await (await producer.send(_batch(producer, b"first"), unique, 0))
        kafka.admin.configure_topic(unique, max_message_bytes=1000)

        error: BaseException | None = None
        async with asyncio.timeout(10):  # The broker takes a moment to apply its new setting.
            while error is None:
                outcome = await producer.send(_batch(producer, b"x" * 5000), unique, 0)
                await asyncio.wait({outcome})
                error = outcome.exception()
        assert is_too_large(error)
        assert isinstance(error, PassingError)
        after = await producer.send(_batch(producer, b"small"), unique, 0)
        await asyncio.wait({after})
        broken = after.exception()
        assert isinstance(broken, PassingError), "its sequence numbers have a gap now"
        assert broken.reason is Reason.KAFKA_WRITE_FAILED
    async with _producer(kafka, unique) as producer:
        assert (await producer.topic(unique)).max_record_bytes == 1000
        await (await producer.send(_batch(producer, b"small"), unique, 0))


async def test_a_deleted_topic_fails_what_is_sent_to_it(kafka: KafkaCluster, unique: str) -> None:
    kafka.admin.create_topic(unique)
    async with _producer(kafka, unique) as producer:
        await producer.topic(unique)
        kafka.admin.delete_topic(unique)
        started = time.monotonic()
        with pytest.raises(BridgeError) as caught:
            await (await producer.send(_batch(producer, b"1"), unique, 0))
        assert time.monotonic() - started < 20
        assert caught.value.reason in {Reason.KAFKA_WRITE_FAILED, Reason.TOPIC_MISSING}


async def _leaves_nothing_behind(end: Callable[[], Any], before: set[asyncio.Task[Any]]) -> None:
    """End something and see that it leaves no task; warnings and loop errors fail the test."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    started = time.monotonic()
    await end()
    assert time.monotonic() - started < 1
    await eventually_async(lambda: asyncio.all_tasks() <= before, 1, what=repr(asyncio.all_tasks()))
    gc.collect()
    await asyncio.sleep(0)
    assert not complaints


@pytest.mark.parametrize("batches", [0, 1, 3])
async def test_abandoning_is_immediate_and_leaves_nothing_behind_while_kafka_is_frozen(
    kafka: KafkaCluster, unique: str, batches: int
) -> None:
    before = asyncio.all_tasks()
    kafka.admin.create_topic(unique, 3)
    producer = await open_producer(
        _config(kafka, unique, producer={"compression": "none"}), "telemetry", "pod"
    )
    await producer.topic(unique)
    kafka.freeze()
    try:
        sent = [
            # More than the socket's buffers hold, so that a graceful close would wait.
            await producer.send(
                _batch(producer, *[b"x" * 100_000] * 100, max_bytes=20_000_000), unique, partition
            )
            for partition in range(batches)
        ]
        await asyncio.sleep(0.1)  # not a wait for anything: some of it is on its way, some not
        waiting = [asyncio.create_task(producer.topic(unique))]
        await asyncio.sleep(0)
        await _leaves_nothing_behind(producer.abandon, before | set(waiting))
        for outcome in sent:
            assert isinstance(outcome.exception(), PassingError)
        (answer,) = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(answer, PassingError)
        with pytest.raises(PassingError):
            await producer.send(_batch(producer, b"1"), unique, 0)
    finally:
        kafka.thaw()


async def test_the_death_of_the_sender_fails_all_that_is_under_way_and_is_told(
    kafka: KafkaCluster, unique: str
) -> None:
    before = asyncio.all_tasks()
    kafka.admin.create_topic(unique, 2)
    producer = await open_producer(_config(kafka, unique), "telemetry", "pod")
    await producer.topic(unique)
    broken = _batch(producer, b"1")
    broken._build = None  # type: ignore[attr-defined]  # noqa: SLF001 - aiokafka calls it
    outcomes = [
        await producer.send(batch, unique, partition)
        for partition, batch in enumerate([broken, _batch(producer, b"2")])
    ]
    await asyncio.wait_for(asyncio.wait(outcomes), 10)
    for outcome in outcomes:
        error = outcome.exception()
        assert isinstance(error, PassingError)
        assert "TypeError" in error.message
    with pytest.raises(PassingError):
        await producer.send(_batch(producer, b"3"), unique, 0)
    await _leaves_nothing_behind(producer.abandon, before)


async def test_closing_waits_for_what_is_under_way(kafka: KafkaCluster, unique: str) -> None:
    before = asyncio.all_tasks()
    kafka.admin.create_topic(unique)
    producer = await open_producer(_config(kafka, unique), "telemetry", "pod")
    await producer.topic(unique)
    outcome = await producer.send(_batch(producer, b"1"), unique, 0)
    await _leaves_nothing_behind(producer.close, before)
    assert outcome.exception() is None


async def test_nothing_is_done_while_kafka_is_frozen_and_all_of_it_after(
    kafka: KafkaCluster, unique: str
) -> None:
    kafka.admin.create_topic(unique)
    async with _producer(kafka, unique) as producer:
        await producer.topic(unique)
        kafka.freeze()
        try:
            outcome = await producer.send(_batch(producer, b"1"), unique, 0)
            done, _ = await asyncio.wait({outcome}, timeout=1)
            assert not done
            assert isinstance(producer, Producer)
            assert producer.silent_seconds > 0.5
        finally:
            kafka.thaw()
        await asyncio.wait_for(outcome, 20)
    assert len(await _read_all(kafka, unique, 1)) == 1


async def test_leader_changes_are_lived_through_without_loss_or_duplicates(
    kafka_cluster: KafkaCluster, unique: str
) -> None:
    kafka_cluster.admin.create_topic(unique)
    async with _producer(kafka_cluster, unique) as producer:
        await producer.topic(unique)
        outcomes = []
        killed = None
        for number in range(300):
            if number == 100:
                killed = kafka_cluster.leader(unique)
                killed.kill()
            outcome = await producer.send(_batch(producer, b"%d" % number), unique, 0)
            outcomes.append(outcome)
            if number % 10 == 0:
                await asyncio.wait_for(asyncio.shield(outcome), 30)
        await asyncio.gather(*outcomes)
    assert killed is not None
    killed.up()
    kafka_cluster.await_brokers(3)
    values = [record.value for record in await _read_all(kafka_cluster, unique, 300)]
    assert values == [b"%d" % number for number in range(300)]
