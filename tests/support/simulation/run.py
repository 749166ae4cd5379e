"""One run: a world made from a seed, sources that send, things that happen, and the judgement."""

import asyncio
import gc
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import structlog

from tests.support.simulation.checks import check
from tests.support.simulation.clock import DeadlockError, SimulatedLoop, SpinningError
from tests.support.simulation.faults import Happenings
from tests.support.simulation.kafka_producer import LATEST_SECONDS
from tests.support.simulation.life import owned
from tests.support.simulation.plan import Plan
from tests.support.simulation.plan_of_pods import PODS_FROM, plan_of_pods
from tests.support.simulation.pod_happenings import PodHappenings
from tests.support.simulation.sources import Devices, Writers
from tests.support.simulation.world import World

REPLAY = "PYTHONPATH=bridge_image:. .venv/bin/python -m tests.support.simulation"
READY_SECONDS = 30.0
LIVENESS_SECONDS = 240.0
"""All is forwarded so soon after the last fault; a take-over alone is waited out for 67 s."""
_LOOK_SECONDS = 1.0
_MOST_RESUMED = 3


class Outcome(NamedTuple):
    """What one run showed."""

    plan: Plan
    trace: list[str]
    wrongs: list[str]

    @property
    def broken(self) -> set[str]:
        """The letters of the checks that failed."""
        return {wrong.partition(":")[0] for wrong in self.wrongs}

    def story(self) -> str:
        """Say what is wrong, and how to see it again."""
        return "\n".join(
            [f"seed {self.plan.seed}, again by: {REPLAY} {self.plan.seed}", *self.wrongs]
        )


def simulate(seed: int) -> Outcome:
    """Run one seed from beginning to end; the same seed gives the same run."""
    loop = SimulatedLoop()
    loop.set_task_factory(owned)
    plan = plan_of_pods(seed) if seed >= PODS_FROM else Plan.of(seed)
    state = random.getstate()
    random.seed(seed)
    runs: list[World] = []
    crashes: list[str] = []
    loop.set_exception_handler(lambda _, context: crashes.append(_told(context)))
    wrongs: list[str] = []
    with _quiet():
        try:
            loop.run_until_complete(_run(plan, runs))
        except (DeadlockError, SpinningError) as error:
            wrongs.append(f"hang: {type(error).__name__} {error}")
        finally:
            _close(loop)
            random.setstate(state)
    journal = runs[0].journal
    return Outcome(plan, journal.lines, [*journal.wrongs, *wrongs, *crashes])


def _told(context: dict[str, Any]) -> str:
    return f"crash: {context['message']}: {context.get('exception')!r}"


def _close(loop: SimulatedLoop) -> None:
    """Throw away what a run left behind."""
    loop.thaw_all()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_later(1.0, loop.stop)
    with suppress(SpinningError):
        loop.run_forever()
    loop.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Log nothing, and leave garbage alone, for the time of a run."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=False,
    )
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        structlog.configure(**before)


async def _run(plan: Plan, runs: list[World]) -> None:
    world = World(plan, random.Random(plan.seed + 1))
    runs.append(world)
    for _ in range(max(1, plan.pods)):
        world.spawn()
    await _until_subscribed(world)
    devices, writers = Devices(world), Writers(world)
    happenings = (PodHappenings if plan.pods else Happenings)(world, writers)
    looking = asyncio.create_task(_look(world), name="look")
    await asyncio.gather(devices.run(), writers.run(), happenings.run())
    world.journal.note("quiet wanted")
    await _quiesce(world)
    for process in list(world.processes):
        await world.stop(process)
    await asyncio.sleep(LATEST_SECONDS + 1)
    looking.cancel()
    await asyncio.sleep(1)
    dead = {task for process in world.allowances.wires for task in process.life.tasks}
    left = {t.get_name() for t in asyncio.all_tasks() - dead if t is not asyncio.current_task()}
    if left:
        world.journal.wrong("leak", f"tasks are left: {sorted(left)}")
    check(world, devices.sent)


async def _until_subscribed(world: World) -> None:
    deadline = world.loop.time() + READY_SECONDS
    while not world.begun:
        await asyncio.sleep(_LOOK_SECONDS / 5)
        if world.loop.time() > deadline:
            world.journal.wrong("liveness", "not subscribed")
            return


async def _look(world: World) -> None:
    """Look at every ledger again and again."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        for process in world.processes:
            process.check()


async def _quiesce(world: World) -> None:
    """Wait until all is forwarded; who was stopped by a message is started anew without `Stop`."""
    deadline, resumed = world.loop.time() + LIVENESS_SECONDS, 0
    while not world.quiet:
        await asyncio.sleep(_LOOK_SECONDS)
        if any(process.stopped for process in world.processes) and resumed < _MOST_RESUMED:
            resumed += 1
            world.promises.edit(world.promises.edition.lenient())
            for process in list(world.processes):
                await world.stop(process)
                world.spawn(outward_only=process.outward_only)
            deadline = world.loop.time() + LIVENESS_SECONDS
        if world.loop.time() > deadline:
            world.journal.wrong("liveness", world.state())
            return
