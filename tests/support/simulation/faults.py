"""What may happen to a running bridge: faults of both sides, crashes, and changes in good order."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.simulation.editions import ORDERS
from tests.support.simulation.kafka_log import BatchFate
from tests.support.simulation.process import Process
from tests.support.simulation.sources import Writers
from tests.support.simulation.world import MISSING_ROOM, World

SHORT, LONG = (0.0, 3.0), (0.0, 40.0)
_PASSING, _FOR_GOOD = [0, 0, 0x97, 0x87], [0, 0, 0x80, 0x99]


class Happenings:
    """Lets things happen to a world, one or several at a time."""

    def __init__(self, world: World, writers: Writers) -> None:
        self._world = world
        self._writers = writers
        self._rng = world.rng
        self._lock = asyncio.Lock()
        """Processes are started and ended one after the other."""
        self._faults: list[Callable[[], Awaitable[None]]] = [
            self._cut_links, self._cut_links, self._vanish, self._restart_broker,
            self._end_links, self._stick, self._refuse_publishes, self._refuse_connects,
            self._cut_after, self._freeze_kafka, self._kafka_down, self._spoil_batches,
            self._spoil_batches, self._fail_commits, self._kill, self._kill, self._delete_topic,
        ]  # fmt: skip
        self._changes: list[Callable[[], Awaitable[None]]] = [
            self._restart, self._restart, self._join, self._add_partition, self._create_room,
        ]  # fmt: skip

    async def run(self) -> None:
        """Let everything happen that the plan has."""
        world, rng = self._world, self._rng
        await asyncio.gather(
            *(self._later(rng.choice(self._faults)) for _ in range(world.plan.faults)),
            *(self._later(rng.choice(self._changes)) for _ in range(world.plan.graceful)),
        )

    async def _later(self, happening: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(self._rng.uniform(0, self._world.plan.seconds))
        self._world.journal.note(happening.__name__.strip("_"))
        await happening()

    async def _pause(self, longest: tuple[float, float]) -> None:
        await asyncio.sleep(self._rng.uniform(*longest))

    # The MQTT side

    async def _cut_links(self) -> None:
        for connection in list(self._world.broker.connections):
            if self._rng.random() < 0.7:
                connection.cut()

    async def _vanish(self) -> None:
        for connection in list(self._world.broker.connections):
            if self._rng.random() < 0.7:
                connection.vanish()

    async def _restart_broker(self) -> None:
        broker = self._world.broker
        broker.restart(forget=self._rng.choice((0.0, 0.0, 0.5, 1.0)))
        await self._pause(SHORT if self._rng.random() < 0.5 else LONG)
        broker.up = True

    async def _end_links(self) -> None:
        """Let the broker end connections in its own words."""
        code = self._rng.choice((None, 0x8B, 0x97, 0x8E))
        for connection in list(self._world.broker.connections):
            if self._rng.random() < 0.7:
                connection.end(code)

    async def _stick(self) -> None:
        self._world.broker.stuck = True
        await self._pause(SHORT if self._rng.random() < 0.5 else LONG)
        self._world.broker.unstick()

    async def _refuse_publishes(self) -> None:
        faults = self._world.broker.faults
        faults.publish_codes = self._rng.choice((_PASSING, _PASSING, _FOR_GOOD))
        await self._pause((0.0, 15.0))
        faults.publish_codes = []

    async def _refuse_connects(self) -> None:
        faults = self._world.broker.faults
        if self._rng.random() < 0.5:
            faults.connect_code = self._rng.choice((0x88, 0x89, 0x87, 0x86))
        else:
            faults.subscribe_code = self._rng.choice((0x87, 0x97, 0x80))
        await self._cut_links()
        await self._pause((0.0, 15.0))
        faults.connect_code = faults.subscribe_code = None

    async def _cut_after(self) -> None:
        self._world.broker.faults.cut.add(self._rng.choice(("CONNACK", "SUBACK")))
        await self._cut_links()

    # The Kafka side

    async def _freeze_kafka(self) -> None:
        self._world.kafka.freeze(frozen=True)
        await self._pause(SHORT if self._rng.random() < 0.5 else LONG)
        self._world.kafka.freeze(frozen=False)

    async def _kafka_down(self) -> None:
        self._world.kafka.fall(down=True)
        await self._pause(SHORT if self._rng.random() < 0.5 else LONG)
        self._world.kafka.fall(down=False)

    async def _spoil_batches(self) -> None:
        kafka, rng = self._world.kafka, self._rng
        chances = [rng.choice((0.0, 0.0, 0.1, 0.3)) for _ in range(5)]
        kafka.batch_fate = BatchFate(*chances)
        await self._pause((0.0, 20.0))
        kafka.batch_fate = BatchFate()

    async def _fail_commits(self) -> None:
        self._world.kafka.commit_failures = self._rng.choice((0.3, 1.0))
        await self._pause((0.0, 10.0))
        self._world.kafka.commit_failures = 0.0

    async def _delete_topic(self) -> None:
        """Delete a topic that is written to; its records were stored, and are not lost by us."""
        kafka, plan = self._world.kafka, self._world.plan
        kafka.delete("lines")
        await self._pause(LONG)
        kafka.create("lines", plan.partitions, plan.max_bytes, plan.told_max_bytes)

    # Processes

    async def _kill(self) -> None:
        async with self._lock:
            if not self._world.processes:
                return
            victim = self._rng.choice(self._world.processes)
            self._world.kill(victim)
            await self._pause(SHORT)
            self._replace(victim)

    async def _restart(self) -> None:
        async with self._lock:
            chosen = self._rng.choice(self._world.processes)
            await self._world.stop(chosen)
            await self._pause(SHORT)
            self._replace(chosen)

    def _replace(self, process: Process) -> None:
        self._world.spawn(outward_only=process.outward_only)

    async def _join(self) -> None:
        """Let a second process share the group, and leave it after a while."""
        async with self._lock:
            guest = self._world.spawn(outward_only=True)
        await self._pause(LONG)
        async with self._lock:
            if guest in self._world.processes:
                await self._world.stop(guest)

    async def _add_partition(self) -> None:
        """Add partitions, which members notice after a while; one is written to at once."""
        self._world.kafka.add_partition("lines")
        self._world.kafka.add_partition(ORDERS)
        self._writers.write_to_the_newest()
        await self._pause((0.0, 5.0))
        for group in self._world.groups.values():
            group.rebalance()

    async def _create_room(self) -> None:
        plan, kafka = self._world.plan, self._world.kafka
        if MISSING_ROOM not in kafka.topics:
            kafka.create(MISSING_ROOM, plan.partitions, plan.max_bytes, plan.told_max_bytes)
