"""The host of sessions, between a group that assigns and refuses, and sessions that never begin."""

import asyncio
from datetime import UTC, datetime

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import LeaseRefusedError
from mqtt_kafka_bridge.flows.alone import Alone
from mqtt_kafka_bridge.flows.budget import Budget
from mqtt_kafka_bridge.flows.coordination_port import Coordination
from mqtt_kafka_bridge.flows.host import Host
from mqtt_kafka_bridge.flows.membership import Membership
from mqtt_kafka_bridge.flows.parts import Parts
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
