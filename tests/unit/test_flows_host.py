"""The host of sessions, between a group that assigns and refuses, and sessions that never begin."""

import asyncio
from datetime import UTC, datetime

import pytest

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import LeaseRefusedError
from mqtt_kafka_bridge.flows import tasks
from mqtt_kafka_bridge.flows.alone import Alone
from mqtt_kafka_bridge.flows.budget import Budget
from mqtt_kafka_bridge.flows.coordination_port import Coordination
from mqtt_kafka_bridge.flows.host import Host
from mqtt_kafka_bridge.flows.membership import Membership
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.tasks import guarded
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.observe.board import Board

CONFIG = BridgeConfig.model_validate(
    {
        "version": 1,
        "name": "plant",
        "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
        "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
        "mqttToKafka": [{"name": "m", "from": {"filter": "m/#"}, "to": {"topic": "m"}}],
    }
)


class Refusing(Alone):
    """A coordination that has assigned the slot once, and refuses each proof of it."""

    def __init__(self) -> None:
        super().__init__()
        self.view = View()
        self.refused_again_and_again = asyncio.Event()
        self._refusals = 0

    async def prove(self, slot: int) -> None:
        """Refuse."""
        self._refusals += 1
        if self._refusals == 3:
            self.refused_again_and_again.set()
        raise LeaseRefusedError(f"slot {slot}: not now")


class OfOne:
    """A Kafka whose coordination is the given one."""

    def __init__(self, coordination: Coordination) -> None:
        self._coordination = coordination

    async def open_coordination(self) -> Coordination:
        """Return it."""
        return self._coordination


async def test_a_slot_that_was_refused_is_taken_up_again_while_it_is_assigned() -> None:
    """A refusal may be of an assignment that is over; else the slot would be nobody's for good."""
    coordination = Refusing()
    board = Board(CONFIG, "pod", lambda: datetime.now(UTC))
    membership = Membership(OfOne(coordination), board, alone=False)  # type: ignore[arg-type] # all that it uses
    parts = Parts(
        config=CONFIG,
        pod="pod",
        kafka=None,  # type: ignore[arg-type] # nothing is opened without a lease
        dial=None,  # type: ignore[arg-type] # nor is anything connected
        buffer=ReadBuffer(1),
        budget=Budget(1, 1),
        now=lambda: datetime.now(UTC),
        starts=membership.starts,
    )
    host = Host(parts, board, membership)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(host.run())
        await coordination.refused_again_and_again.wait()
        await host.drain()
        running.cancel()


async def test_a_cancellation_that_nobody_asked_for_is_no_end() -> None:
    """A library's own would else stop a mapping in a process that looks alive."""

    async def lost() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    with pytest.raises(RuntimeError, match="cancelled by nobody"):
        await asyncio.create_task(guarded(lost()))

    asked_for = asyncio.create_task(guarded(asyncio.sleep(60)))
    await asyncio.sleep(0)
    asked_for.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked_for


async def test_a_task_that_loses_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it waits for may catch the cancellation instead of it."""
    monkeypatch.setattr(tasks, "CANCEL_SECONDS", 0.01)
    caught: list[int] = []

    async def stubborn() -> None:
        while len(caught) < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                caught.append(1)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await tasks.ended(task)
    assert len(caught) == 2
