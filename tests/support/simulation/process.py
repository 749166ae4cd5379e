"""One simulated bridge process: the real flows on simulated ends, started, drained, killed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mqtt_kafka_bridge.contract.status import MappingState
from mqtt_kafka_bridge.flows.host import Host
from mqtt_kafka_bridge.flows.kafka_to_mqtt import KafkaToMqttFlow
from mqtt_kafka_bridge.flows.membership import Membership
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.ports import Kafka
from mqtt_kafka_bridge.mqtt.dialing import Dial
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.observe.board import Board
from tests.support.simulation.editions import Edition
from tests.support.simulation.journal import Journal
from tests.support.simulation.life import Life
from tests.support.simulation.watched_budget import WatchedBudget

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class _Flow(Protocol):
    async def run(self) -> None: ...
    async def drain(self) -> None: ...


class Process:
    """One process.

    Args:
        journal: where everything is written down.
        edition: its configuration.
        life: what may befall it.
        outward_only: whether it has no mapping from MQTT: of these only one process may have each
            where nothing is coordinated.
    """

    def __init__(
        self, journal: Journal, edition: Edition, life: Life, *, outward_only: bool
    ) -> None:
        config = edition.config()
        self.edition = edition
        self.config = config.model_copy(update={"mqtt_to_kafka": []}) if outward_only else config
        self.life = life
        self.outward_only = outward_only
        self.draining = False
        self.drained = False
        """Whether it was stopped in good order, and in time."""
        members = sum(m.sessions for m in self.config.mqtt_to_kafka) + len(config.kafka_to_mqtt)
        self.budget = WatchedBudget(edition.plan.bytes_in_flight, members)
        self.board: Board
        self._journal = journal
        self._flows: list[_Flow] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.life.name

    def start(self, kafka: Kafka, dial: Dial) -> None:
        """Make the flows, and run them."""
        config, loop = self.config, asyncio.get_running_loop()

        def now() -> datetime:
            return _EPOCH + timedelta(seconds=loop.time())

        self.board = board = Board(config, self.name, now)
        alone = config.kafka.coordination.type == "None"
        membership = Membership(kafka, board, alone=alone)
        parts = Parts(
            config=config,
            pod=self.name,
            kafka=kafka,
            dial=dial,
            buffer=ReadBuffer(65_536),
            budget=self.budget,
            now=now,
            starts=membership.starts,
        )
        self._flows = [
            *(
                KafkaToMqttFlow(parts, m, board.mappings[m.name].open(m.name))
                for m in config.kafka_to_mqtt
            ),
            Host(parts, board, membership),
        ]
        self._task = self.life.begin(self._run(), f"process {self.name}")

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for flow in self._flows:
                    tasks.create_task(flow.run())
        except BaseExceptionGroup as group:
            self._journal.wrong("crash", repr(group.exceptions))
            raise

    async def stop(self) -> None:
        """Stop in good order, as the program does."""
        self._journal.note(f"drain {self.name}")
        self.draining = True
        ending = self.life.begin(self._drain(), f"drain {self.name}")
        await asyncio.wait({ending})
        ending.result()

    async def _drain(self) -> None:
        drains = [asyncio.create_task(flow.drain()) for flow in self._flows]
        seconds = self.config.limits.drain.total_seconds()
        done, late = await asyncio.wait(drains, timeout=seconds)
        for task in done:
            task.result()
        for task in late:
            task.cancel()
        self.drained = not late
        self._journal.note(f"drained {self.name}: {self.drained}")
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
