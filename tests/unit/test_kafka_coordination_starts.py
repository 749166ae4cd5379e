"""Where a mapping from Kafka began: one pod resolves it, and none goes by its own view."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.coordination.records import StartRecord, start_key
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import BridgeError, LeaseRefusedError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Assignment, Bell, Resolve
from mqtt_kafka_bridge.flows.ports import TopicPartition
from mqtt_kafka_bridge.kafka.starts import WAIT_SECONDS, recorded_start
from tests.support.simulation.clock import SimulatedLoop

SLOT = slot_of("m", 0, 64)
PLACE = TopicPartition("t", 3)


class _Pod:
    """A pod whose group and topic do what the test says."""

    instance = "a"
    slots = 64
    failure: BridgeError | None = None

    def __init__(self, *mine: int) -> None:
        self.view = View()
        self.bell = Bell()
        self.assignment: Assignment | None = None
        self.assign(*mine)
        self.did: list[str] = []
        self.refused_after = 99
        self._offset = 0

    def assign(self, *mine: int) -> None:
        self.assignment = Assignment(0, 1, frozenset(mine), frozenset("a"), 0.0)
        self.bell.ring()

    def record(self, position: int) -> None:
        record = StartRecord(positions={"t": {3: position}})
        self.view.apply(start_key("m"), record.encode(), self._offset)
        self._offset += 1
        self.bell.ring()

    async def prove(self, slot: int) -> None:
        self.did.append("prove")
        if slot != SLOT or self.did.count("prove") > self.refused_after:
            self.assign()
            raise LeaseRefusedError

    async def catch_up(self) -> None:
        self.did.append("catch up")

    async def write(self, slot: int, key: bytes, value: bytes | None) -> int:
        assert slot == SLOT
        self.did.append("write")
        self.view.apply(key, value, self._offset)
        self._offset += 1
        return self._offset - 1

    async def start(self, mapping: str, resolve: Resolve) -> Mapping[TopicPartition, int]:
        return await recorded_start(self, mapping, resolve)

    async def close(self) -> None:
        """Nothing is open."""

    async def resolve(self) -> Mapping[TopicPartition, int]:
        self.did.append("resolve")
        return {PLACE: 5}


def _run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(scenario())


async def test_what_is_recorded_is_believed_by_whoever_reads_it() -> None:
    pod = _Pod()
    pod.record(9)
    assert await pod.start("m", pod.resolve) == {PLACE: 9}
    assert pod.did == ["catch up"]


async def test_the_slots_owner_proves_before_it_resolves_and_after_it_has_recorded() -> None:
    pod = _Pod(SLOT)
    assert await pod.start("m", pod.resolve) == {PLACE: 5}
    assert pod.did == [
        *("catch up", "prove", "catch up", "resolve", "write", "prove", "catch up"),
    ]


async def test_an_owner_that_is_refused_waits_for_its_successor() -> None:
    pod = _Pod(SLOT)
    pod.refused_after = 0
    starting = asyncio.create_task(pod.start("m", pod.resolve))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not starting.done()
    pod.record(9)
    assert await starting == {PLACE: 9}
    assert "resolve" not in pod.did


async def test_what_an_owner_recorded_before_it_was_refused_stands_for_all() -> None:
    pod = _Pod(SLOT)
    pod.refused_after = 1
    assert await pod.start("m", pod.resolve) == {PLACE: 5}
    assert pod.did.count("resolve") == 1


def test_a_pod_that_becomes_the_owner_while_it_waits_resolves() -> None:
    async def scenario() -> None:
        pod = _Pod()
        asyncio.get_running_loop().call_later(2, pod.assign, SLOT)
        assert await pod.start("m", pod.resolve) == {PLACE: 5}

    _run(scenario)


def test_nobody_waits_for_ever_for_an_owner_that_does_not_know_the_mapping() -> None:
    async def scenario() -> None:
        pod, begun = _Pod(), asyncio.get_running_loop().time()
        with pytest.raises(PassingError) as caught:
            await pod.start("m", pod.resolve)
        assert caught.value.reason is Reason.STARTING
        assert f"slot {SLOT}" in caught.value.message
        assert asyncio.get_running_loop().time() - begun == pytest.approx(WAIT_SECONDS, abs=0.1)

    _run(scenario)
