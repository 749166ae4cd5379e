"""The coordination topic on a real Kafka: created, verified, read and written."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.coordination.records import StartRecord, start_key
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import MustFixError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Bell
from mqtt_kafka_bridge.kafka import open_coordination
from mqtt_kafka_bridge.kafka.session_log import SessionLog
from tests.support.certificates import Authority
from tests.support.coordination import (
    SLOTS,
    assigned,
    config,
    coordinator,
    group_of,
    member,
    policy,
    settled,
    two,
)
from tests.support.kafka import KafkaCluster
from tests.support.scenario_config import login, trusting
from tests.support.waiting import eventually_async

SECRET = "c00rd-s3cret"  # noqa: S105 - the test's own
_COMPACTED = {"cleanup.policy": "compact"}
_START = StartRecord(positions={"t": {0: 5}})


async def _fill(
    kafka: KafkaCluster, topic: str, more: Sequence[tuple[bytes, bytes | None]] = ()
) -> None:
    """Write a thousand starts into a coordination topic, behind some other records."""
    starts = [(start_key(f"m{n}"), _START.encode()) for n in range(1000)]
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        stored = [
            await producer.send(topic, value, key, number % SLOTS)
            for number, (key, value) in enumerate([*more, *starts])
        ]
        await asyncio.gather(*stored)


async def _refusal(bridge: BridgeConfig) -> MustFixError:
    with pytest.raises(MustFixError) as caught:
        await open_coordination(bridge, "a")
    return caught.value


async def test_the_topic_is_created_as_it_must_be(kafka: KafkaCluster, unique: str) -> None:
    bridge = config(kafka, unique)
    async with member(bridge, "a"), member(bridge, "b"):
        assert kafka.admin.partitions(bridge.coordination_topic) == SLOTS
        assert policy(kafka, bridge.coordination_topic) == "compact"


async def test_a_topic_that_must_not_be_created_is_asked_for_with_its_command(
    kafka: KafkaCluster, unique: str
) -> None:
    bridge = config(kafka, unique, create=False, topic=f"{unique}.s", replicationFactor=1)
    error = await _refusal(bridge)
    assert error.reason is Reason.TOPIC_MISSING
    assert (
        f"--create --topic {unique}.s --partitions 64 --replication-factor 1"
        " --config cleanup.policy=compact" in error.cure
    )
    kafka.admin.create_topic(f"{unique}.s", SLOTS, config=_COMPACTED)
    async with member(bridge, "a") as coordination:
        await settled([coordination])


async def test_more_replicas_than_brokers_are_refused_with_kafkas_words(
    kafka: KafkaCluster, unique: str
) -> None:
    error = await _refusal(config(kafka, unique, replicationFactor=5))
    assert error.reason is Reason.TOPIC_MISSING
    assert "5" in error.message
    assert "fewer replicas" in error.cure


async def test_a_topic_whose_records_kafka_would_delete_is_refused_until_it_is_set_right(
    kafka: KafkaCluster, unique: str
) -> None:
    bridge = config(kafka, unique)
    kafka.admin.create_topic(
        bridge.coordination_topic, SLOTS, config={"cleanup.policy": "compact,delete"}
    )
    error = await _refusal(bridge)
    assert error.reason is Reason.COORDINATION_TOPIC_WRONG
    assert f"--entity-name {bridge.coordination_topic}" in error.cure
    assert "--add-config cleanup.policy=compact" in error.cure
    kafka.admin.configure_topic(bridge.coordination_topic, cleanup_policy="compact")
    await eventually_async(lambda: policy(kafka, bridge.coordination_topic) == "compact", 10)
    async with member(bridge, "a") as coordination:
        await settled([coordination])


async def test_a_topic_with_other_partitions_is_refused(kafka: KafkaCluster, unique: str) -> None:
    bridge = config(kafka, unique)
    kafka.admin.create_topic(bridge.coordination_topic, 3, config=_COMPACTED)
    error = await _refusal(bridge)
    assert error.reason is Reason.COORDINATION_TOPIC_WRONG
    assert "3 partitions instead of 64" in error.message


async def test_what_one_writes_another_reads_at_once(kafka: KafkaCluster, unique: str) -> None:
    async with (
        member(config(kafka, unique), "a") as writer,
        member(config(kafka, unique), "b") as reader,
    ):
        await writer.write(3, start_key("warm-up"), _START.encode())
        written = time.monotonic()
        await writer.write(3, start_key("m"), _START.encode())
        await eventually_async(lambda: reader.view.starts.get("m"), 1, what="read")
        assert time.monotonic() - written < 1
        assert reader.view.starts["m"] == _START
        assert await writer.write(3, start_key("m"), None) == 2
        await reader.catch_up()
        assert "m" not in reader.view.starts


async def test_who_catches_up_while_the_pod_leaves_is_told_and_not_cancelled(
    kafka: KafkaCluster, unique: str
) -> None:
    """A mapping from Kafka may ask where it began while sessions leave: it must end in order."""
    bridge = config(kafka, unique)
    async with member(bridge, "a"):
        await _fill(kafka, bridge.coordination_topic)
    leaving: list[asyncio.Task[None]] = []

    class LeavesAtTheFirstRecord(View):
        """Closes the log while most of what it holds is still to be read."""

        def apply(self, key: bytes, value: bytes | None, offset: int) -> None:
            super().apply(key, value, offset)
            if not leaving:
                leaving.append(asyncio.create_task(log.close()))

    log = SessionLog(
        bridge,
        "a",
        topic=bridge.coordination_topic,
        slots=SLOTS,
        view=LeavesAtTheFirstRecord(),
        bell=Bell(),
    )
    await log.start()
    asking = asyncio.create_task(log.catch_up())
    with pytest.raises(PassingError):
        await asyncio.wait_for(asking, 15)
    await asyncio.gather(*leaving)


async def test_whoever_catches_up_has_read_all_whatever_stands_in_the_topic(
    kafka: KafkaCluster, unique: str
) -> None:
    bridge = config(kafka, unique)
    strange = [(b"\xff", b"\xfe"), (b"session/x", b"no json"), (b"id/x/1", b""), (b"", None)]
    async with member(bridge, "a"):
        await _fill(kafka, bridge.coordination_topic, strange)
    async with member(bridge, "b") as reader:
        await reader.catch_up()
        assert len(reader.view.starts) == 1000
        assert reader.view.unreadable


async def test_a_brokers_restart_costs_nobody_his_slots_and_no_record(
    proxied_kafka: KafkaCluster, unique: str
) -> None:
    kafka = proxied_kafka
    async with two(config(kafka, unique)) as (first, second):
        slot = min(assigned(first).slots)
        await first.write(slot, start_key("before"), _START.encode())
        kafka.brokers[0].terminate()
        await asyncio.to_thread(kafka.brokers[0].up)
        await first.prove(slot)
        await first.write(slot, start_key("after"), _START.encode())
        await second.catch_up()
        assert second.view.starts.keys() == {"before", "after"}
        assert assigned(first).epoch == assigned(second).epoch == 0


async def test_a_lost_broker_costs_nobody_his_slots_and_no_record(
    kafka_cluster: KafkaCluster, unique: str
) -> None:
    kafka = kafka_cluster
    async with two(config(kafka, unique)) as (first, second):
        slots = assigned(first).slots
        lost = coordinator(kafka, group_of(config(kafka, unique)))
        lost.kill()
        try:
            # Some of these are led by the broker that is gone.
            for slot in sorted(slots)[:6]:
                await _until_it_works(partial(first.prove, slot))
                write = partial(first.write, slot, start_key(f"m{slot}"), _START.encode())
                await _until_it_works(write)
            await _until_it_works(second.catch_up)
            assert len(second.view.starts) == 6
            assert assigned(first).epoch == assigned(second).epoch == 0
            assert assigned(first).slots == slots
        finally:
            await asyncio.to_thread(lost.up)


async def _until_it_works(action: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(PassingError):
                await action()
                return


async def test_missing_rights_are_told_with_the_commands_that_grant_them(
    secure_kafka: KafkaCluster, authority: Authority, tmp_path: Path, unique: str
) -> None:
    admin, user = secure_kafka.admin, unique
    admin.set_user(user, SECRET)
    secured: dict[str, Any] = {
        "bootstrapServers": secure_kafka.sasl_bootstrap,
        "tls": trusting(authority),
        "authentication": login("scram-sha-512", user, SECRET, tmp_path / "password"),
    }
    bridge = config(secure_kafka, unique, secured, topic=unique)
    group = group_of(bridge)

    async def refused(reason: Reason, *words: str) -> None:
        error = await _refusal(bridge)
        assert error.reason is reason
        assert all(word in f"{error.message} {error.cure}" for word in (f"User:{user}", *words))

    every = ("Read", "Write", "Describe", "Create", "DescribeConfigs")
    flags = " ".join(f"--operation {operation}" for operation in every)
    await refused(Reason.TOPIC_FORBIDDEN, f"{flags} --topic {unique}", f"--group {group}")
    admin.allow(user, "topic", unique, "read", "describe")
    await refused(Reason.TOPIC_FORBIDDEN, "--create", "cleanup.policy=compact", flags)
    admin.allow(user, "topic", unique, "create")
    await refused(Reason.TOPIC_FORBIDDEN, flags)
    admin.allow(user, "topic", unique, "write")
    await refused(Reason.GROUP_FORBIDDEN, f"--operation Read --group {group}")
    admin.allow(user, "group", group, "read")
    async with member(bridge, "a") as coordination:
        await settled([coordination])
        await coordination.prove(1)
