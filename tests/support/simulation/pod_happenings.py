"""What may happen where several pods share the sessions: they come and go, freeze, are cut off."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.support.simulation.faults import LONG, SHORT, Happenings
from tests.support.simulation.life import Life
from tests.support.simulation.process import Process
from tests.support.simulation.sources import Writers
from tests.support.simulation.world import World

_MOST_PODS = 3
_MOST = 0.7
_LONG_FREEZE = (8.0, 60.0)


class PodHappenings(Happenings):
    """Lets things happen to several pods."""

    def __init__(self, world: World, writers: Writers) -> None:
        super().__init__(world, writers)
        self._faults: list[Callable[[], Awaitable[None]]] = [
            self._crash, self._crash, self._freeze, self._freeze, self._freeze_while_dialing,
            self._part_from_kafka, self._part_from_mqtt, self._fail_writes, self._lag,
            self._cut_links, self._vanish,
            self._end_links, self._restart_broker, self._freeze_kafka, self._kafka_down,
            self._spoil_batches, self._spoil_batches, self._cut_after, self._refuse_connects,
        ]  # fmt: skip
        self._changes: list[Callable[[], Awaitable[None]]] = [
            self._scale_up, self._scale_down, self._restart_pod, self._compact, self._assign_anew,
            self._add_partition,
        ]  # fmt: skip

    async def run(self) -> None:
        """Let everything happen that the plan has, edits one after the other."""
        await asyncio.gather(super().run(), self._edit())

    async def _edit(self) -> None:
        world, rng = self._world, self._rng
        for _ in range(world.plan.edits):
            await asyncio.sleep(rng.uniform(0, world.plan.seconds))
            edition = world.promises.edition.edited(rng)
            world.journal.note(f"edit {edition}")
            world.promises.edit(edition)
            await self._roll()

    async def _roll(self) -> None:
        """Give all pods the newest configuration, one after the other."""
        while True:
            async with self._lock:
                old = [
                    p for p in self._world.processes if p.edition != self._world.promises.edition
                ]
                if not old:
                    return
                await self._replace_pod(self._rng.choice(old))
            await self._pause(SHORT)

    async def _replace_pod(self, old: Process) -> None:
        """Stop a pod and start another, in either order; a frozen one is killed, as SIGKILL can."""
        first = self._rng.random() < 0.5
        if first:
            self._world.spawn()
            await self._pause(SHORT)
        if old.life.frozen or old not in self._world.processes:
            self._kill_if_there(old)
        else:
            await self._world.stop(old)
        if not first:
            await self._pause(SHORT)
            self._world.spawn(name=old.name)

    def _kill_if_there(self, process: Process) -> None:
        if process in self._world.processes:
            self._world.kill(process)

    # Faults

    async def _crash(self) -> None:
        victim = self._any()
        if victim is None:
            return
        self._world.kill(victim)
        await self._pause(SHORT if self._rng.random() < 0.7 else LONG)
        self._world.spawn(name=victim.name)

    async def _freeze(self) -> None:
        victim = self._any()
        if victim is None:
            return
        victim.life.freeze()
        await self._pause(SHORT if self._rng.random() < 0.3 else _LONG_FREEZE)
        self._world.thaw(victim.life)

    async def _freeze_while_dialing(self) -> None:
        """Freeze whoever dials next, between its proof and its CONNECT."""
        broker, frozen = self._world.broker, asyncio.Event()
        victims: list[Life] = []

        def freeze(life: Life) -> None:
            victims.append(life)
            life.freeze()
            broker.dialing = lambda _: None
            frozen.set()

        broker.dialing = freeze
        await self._cut_links()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONG[1]):
                await frozen.wait()
        broker.dialing = lambda _: None
        await self._pause(_LONG_FREEZE)
        for life in victims:
            self._world.thaw(life)

    async def _end_links(self) -> None:
        """Let the broker end connections, often as if they were taken over."""
        code = self._rng.choice((None, 0x8E, 0x8E, 0x8B))
        for connection in list(self._world.broker.connections):
            if self._rng.random() < _MOST:
                connection.end(code)

    async def _cut_after(self) -> None:
        """Cut a connection between CONNACK and SUBACK, when the broker knows of no session yet."""
        broker = self._world.broker
        broker.faults.cut.add(self._rng.choice(("CONNACK", "CONNACK", "SUBACK")))
        broker.restart(forget=1.0)
        broker.up = True

    async def _part_from_kafka(self) -> None:
        victim = self._any()
        if victim is None:
            return
        victim.life.part_from_kafka()
        await self._pause(SHORT if self._rng.random() < 0.5 else LONG)
        victim.life.without_kafka = False

    async def _part_from_mqtt(self) -> None:
        victim = self._any()
        if victim is None:
            return
        victim.life.without_mqtt = True
        for wire in self._world.allowances.wires[victim]:
            if self._rng.random() < 0.5:
                wire.cut()
            else:
                wire.black_hole = True
        await self._pause(SHORT if self._rng.random() < 0.5 else LONG)
        victim.life.without_mqtt = False

    async def _fail_writes(self) -> None:
        """Let writes to the coordination topic get no answer."""
        self._world.kafka.write_failures = self._rng.choice((0.3, 0.8))
        await self._pause((0.0, 15.0))
        self._world.kafka.write_failures = 0.0

    async def _lag(self) -> None:
        """Let what is written to the coordination topic be read late."""
        usual, self._world.kafka.reader_lag_seconds = self._world.kafka.reader_lag_seconds, 5.0
        await self._pause(LONG)
        self._world.kafka.reader_lag_seconds = usual

    # Changes in good order

    async def _scale_up(self) -> None:
        if len(self._world.processes) < _MOST_PODS:
            self._world.spawn()

    async def _scale_down(self) -> None:
        async with self._lock:
            process = self._any()
            if process is not None and len(self._world.processes) > 1:
                await self._world.stop(process)

    async def _restart_pod(self) -> None:
        async with self._lock:
            process = self._any()
            if process is not None:
                await self._replace_pod(process)

    async def _compact(self) -> None:
        self._world.slots.compact(self._rng)

    async def _assign_anew(self) -> None:
        self._world.slot_group.rebalance()

    def _any(self) -> Process | None:
        """Return a pod that runs."""
        running = [process for process in self._world.processes if process.life.running]
        return self._rng.choice(running) if running else None
