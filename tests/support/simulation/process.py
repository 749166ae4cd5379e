"""One simulated bridge process: the real flows on simulated ends, started, drained, killed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import MappingState
from mqtt_kafka_bridge.flows.kafka_to_mqtt import KafkaToMqttFlow
from mqtt_kafka_bridge.flows.mqtt_to_kafka import MqttToKafkaFlow
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.ports import Kafka
from mqtt_kafka_bridge.mqtt.dialing import Dial
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.observe.board import Board
from tests.support.simulation.journal import Journal
from tests.support.simulation.watched_budget import WatchedBudget

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class _Flow(Protocol):
    async def run(self) -> None: ...
    async def drain(self) -> None: ...


class Process:
    """One process.

    Args:
        journal: where everything is written down.
        config: its configuration.
        name: its name among its like.
        budget: its limit of bytes in flight.
    """

    def __init__(
        self, journal: Journal, config: BridgeConfig, name: str, budget: WatchedBudget
    ) -> None:
        self.alive = True
        self.draining = False
        self.drained = False
        """Whether it was stopped in good order, and in time."""
        self.name = name
        self.budget = budget
        self.board: Board
        self.outward_only = not config.mqtt_to_kafka
        """Whether it has no mapping from MQTT: of these only one process may have each."""
        self._journal = journal
        self._config = config
        self._flows: list[_Flow] = []
        self._task: asyncio.Task[None] | None = None

    def start(self, kafka: Kafka, dial: Dial) -> None:
        """Make the flows, and run them."""
        config, loop = self._config, asyncio.get_running_loop()

        def now() -> datetime:
            return _EPOCH + timedelta(seconds=loop.time())

        self.board = board = Board(config, self.name, now)
        parts = Parts(
            config=config,
            pod=self.name,
            kafka=kafka,
            dial=dial,
            buffer=ReadBuffer(65_536),
            budget=self.budget,
            now=now,
        )
        self._flows = [
            *(MqttToKafkaFlow(parts, m, board.mappings[m.name]) for m in config.mqtt_to_kafka),
            *(KafkaToMqttFlow(parts, m, board.mappings[m.name]) for m in config.kafka_to_mqtt),
        ]
        self._task = asyncio.create_task(self._run(), name=f"process {self.name}")

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for flow in self._flows:
                    tasks.create_task(flow.run())
        except BaseExceptionGroup as group:
            self._journal.wrong("crash", repr(group.exceptions))
            raise

    async def drain(self) -> bool:
        """Stop in good order, as the program does; return whether it was done in time."""
        self._journal.note(f"drain {self.name}")
        self.draining = True
        drains = [asyncio.create_task(flow.drain()) for flow in self._flows]
        seconds = self._config.limits.drain.total_seconds()
        done, late = await asyncio.wait(drains, timeout=seconds)
        for task in done:
            task.result()
        for task in late:
            task.cancel()
        self.drained = not late
        self._journal.note(f"drained {self.name}: {self.drained}")
        await self._end()
        self.alive = False
        return self.drained

    async def kill(self) -> None:
        """End at once: nothing that it still does has any effect."""
        self._journal.note(f"kill {self.name}")
        self.alive = False
        await self._end()

    async def _end(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task], timeout=30)
        if not self._task.done():
            self._journal.wrong("hang", f"process {self.name} does not end")

    @property
    def stopped(self) -> bool:
        """Whether a message stopped one of its mappings."""
        return any(m.state is MappingState.STOPPED for m in self.board.mappings.values())

    def check(self) -> None:
        """See that the ledger of each mapping balances (G5)."""
        for name, mapping in self.board.mappings.items():
            m = mapping.meter
            sums = m.forwarded + m.filtered + m.expired + m.dead_lettered + m.dropped.total()
            if m.received != sums + m.returned + m.in_flight:
                self._journal.wrong("G5", f"{self.name} {name}: {m}")
            if min(m.forwarded, m.returned, m.in_flight) < 0:
                self._journal.wrong("G5", f"{self.name} {name}: {m}")

    def check_empty(self) -> None:
        """See that nothing is held after a drain."""
        if self.budget.used:
            self._journal.wrong("M", f"{self.name} holds {self.budget.used} bytes after its end")
        for name, mapping in self.board.mappings.items():
            if mapping.meter.in_flight:
                self._journal.wrong("G5", f"{self.name} {name}: in flight after its end")
