"""The sessions' group on a real Kafka: who has which slots, and who is refused."""

import asyncio
import threading
import time
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaConsumer

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import LeaseRefusedError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Coordination
from mqtt_kafka_bridge.kafka.slot_membership import ANSWER_SECONDS
from tests.support.coordination import (
    SLOTS,
    ScriptedLeader,
    assigned,
    config,
    evict,
    group_of,
    member,
    settled,
    two,
)
from tests.support.kafka import KafkaCluster
from tests.support.waiting import eventually_async


async def test_slots_are_spread_over_all_members_and_move_only_as_far_as_needed(
    kafka: KafkaCluster, unique: str
) -> None:
    async with AsyncExitStack() as stack:
        members: list[Coordination] = []
        before: dict[str, frozenset[int]] = {}
        for pod in ("a", "b", "c"):
            members.append(await stack.enter_async_context(member(config(kafka, unique), pod)))
            await settled(members)
            shares = {each.instance: assigned(each).slots for each in members}
            assert sorted(slot for share in shares.values() for slot in share) == [*range(SLOTS)]
            assert max(map(len, shares.values())) - min(map(len, shares.values())) <= 1
            assert all(shares[instance] <= had for instance, had in before.items())
            before = shares


async def test_a_member_that_leaves_hands_its_slots_over_at_once_and_nobody_elses_move(
    kafka: KafkaCluster, unique: str
) -> None:
    async with (
        member(config(kafka, unique), "a") as first,
        member(config(kafka, unique), "b") as second,
        member(config(kafka, unique), "c") as third,
    ):
        await settled([first, second, third])
        before = [assigned(each) for each in (first, second)]
        await third.close()
        left = time.monotonic()
        await settled([first, second])
        assert time.monotonic() - left < 2
    for was, each in zip(before, (first, second), strict=True):
        assert each.assignment is None, "closed"
        assert was.epoch == before[0].epoch


async def test_whoever_has_a_slot_can_prove_it_and_nobody_else(
    kafka: KafkaCluster, unique: str
) -> None:
    async with two(config(kafka, unique)) as (first, second):
        for slot in assigned(first).slots:
            await first.prove(slot)
            with pytest.raises(LeaseRefusedError):
                await second.prove(slot)


async def test_a_member_that_was_thrown_out_is_refused_by_kafka_before_it_knows(
    kafka: KafkaCluster, unique: str
) -> None:
    async with member(config(kafka, unique), "a") as only:
        await settled([only])
        was = assigned(only)
        await evict(kafka, group_of(config(kafka, unique)), "a")
        assert only.assignment is was, "it has not heard of it"
        with pytest.raises(LeaseRefusedError):
            await only.prove(7)
        assert only.assignment is None
        with pytest.raises(LeaseRefusedError):
            await only.prove(7)
        await settled([only])
        assert assigned(only).epoch > was.epoch
        await only.prove(7)


async def test_a_member_that_was_thrown_out_comes_back_by_itself_and_owns_nothing_of_before(
    kafka: KafkaCluster, unique: str
) -> None:
    async with two(config(kafka, unique)) as (first, second):
        was = assigned(second)
        bell = asyncio.create_task(second.bell.wait())
        await evict(kafka, group_of(config(kafka, unique)), "b")
        # It may be back before anybody looks.
        await eventually_async(
            lambda: second.assignment is None or second.assignment.epoch > was.epoch,
            5,
            what="it heard of it",
        )
        await asyncio.wait_for(bell, 5)  # It rang; who waits is woken in the next turn of the loop.
        await settled([first, second])
        assert assigned(second).epoch > was.epoch
        assert assigned(first).epoch == 0
        slots = assigned(first).slots | assigned(second).slots
        assert slots == frozenset(range(SLOTS))
        assert not assigned(first).slots & assigned(second).slots


async def test_an_answer_from_before_a_freeze_proves_nothing_after_it(
    kafka: KafkaCluster, unique: str
) -> None:
    async with member(config(kafka, unique), "a") as only:
        await settled([only])
        await only.prove(7)
        proof = asyncio.create_task(only.prove(7))
        await asyncio.sleep(0)  # It is asked now, and Kafka says yes while we are frozen.
        thawed = time.monotonic() + ANSWER_SECONDS
        others = threading.Thread(
            target=asyncio.run, args=(evict(kafka, group_of(config(kafka, unique)), "a"),)
        )
        others.start()
        others.join()
        time.sleep(thawed - time.monotonic())  # noqa: ASYNC251 - that is the freeze
        with pytest.raises(LeaseRefusedError):
            await proof


@pytest.mark.parametrize("kept", [True, False])
async def test_a_proof_waits_while_the_group_assigns_anew_and_then_goes_by_the_outcome(
    kafka: KafkaCluster,
    unique: str,
    kept: bool,  # noqa: FBT001 - a parameter
) -> None:
    bridge = config(kafka, unique)
    kafka.admin.create_topic(bridge.coordination_topic, SLOTS, config={"cleanup.policy": "compact"})
    async with (
        ScriptedLeader.joined(kafka, group_of(bridge), bridge.coordination_topic) as leader,
        member(bridge, "a") as follower,
    ):
        await leader.join()
        await leader.assign({5, 6}, follower.instance)
        await eventually_async(lambda: follower.assignment, 5, what="assigned")
        await follower.prove(5)
        await leader.join()  # Both have joined, and the outcome is not told yet.
        proof = asyncio.create_task(follower.prove(5))
        await asyncio.wait({proof}, timeout=0.5)
        assert not proof.done()
        assert assigned(follower).slots == {5, 6}, "sessions go on meanwhile"
        await leader.assign({5 if kept else 7}, follower.instance)
        if kept:
            await proof
        else:
            with pytest.raises(LeaseRefusedError):
                await proof
        assert assigned(follower).epoch == 0


async def test_a_group_in_use_by_others_is_told_and_joined_once_it_is_free(
    kafka: KafkaCluster, unique: str
) -> None:
    bridge = config(kafka, unique)
    topic = kafka.admin.create_topic(f"{unique}.t")
    other = AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap, group_id=group_of(bridge))
    await other.start()
    try:
        async with member(bridge, "a") as coordination:
            failure = await eventually_async(lambda: coordination.failure, 15, what="told")
            assert failure is not None
            assert failure.reason is Reason.GROUP_FORBIDDEN
            assert "groupPrefix" in failure.cure
            with pytest.raises(LeaseRefusedError):
                await coordination.prove(7)
            await other.stop()
            await settled([coordination])
            assert coordination.failure is None
    finally:
        await other.stop()


async def test_a_frozen_kafka_bounds_every_wait_and_all_works_again_when_it_goes_on(
    kafka: KafkaCluster, unique: str
) -> None:
    async with two(config(kafka, unique)) as (stays, leaves):
        slot = min(assigned(stays).slots)
        kafka.freeze()
        try:
            begun = time.monotonic()
            outcomes = await asyncio.gather(
                stays.prove(slot),
                stays.write(slot, b"start/m", b"{}"),
                stays.catch_up(),
                return_exceptions=True,
            )
            assert time.monotonic() - begun < 15
            assert [type(each) for each in outcomes] == [PassingError] * 3
            begun = time.monotonic()
            await leaves.close()
            assert time.monotonic() - begun < 5
        finally:
            kafka.thaw()
        # What was silent for longer than the session time-out was thrown out, and comes back.
        await eventually_async(
            lambda: stays.assignment and stays.assignment.present == {stays.instance}, 30
        )
        await stays.prove(slot)
        offset = await stays.write(slot, b"start/m", None)
        await stays.catch_up()
        assert offset >= 0
