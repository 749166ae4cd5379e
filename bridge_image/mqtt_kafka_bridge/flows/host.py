"""The host of sessions: runs those of the slots that are ours, as the group assigns them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

import structlog

from mqtt_kafka_bridge.coordination.plan import Lineage, plan
from mqtt_kafka_bridge.flows.coordination_port import Assignment, Coordination
from mqtt_kafka_bridge.flows.membership import Membership, caught_up
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.slot_run import SlotRun
from mqtt_kafka_bridge.flows.tasks import ended
from mqtt_kafka_bridge.observe.board import Board

log = structlog.get_logger()
LOOK_SECONDS = 1.0
"""How soon it shows that the group does not let us in."""


class Host:
    """All sessions of this pod: every mapping from MQTT.

    Args:
        parts: what all flows share.
        board: where sessions are shown.
        membership: the pod's part in the coordination.
    """

    def __init__(self, parts: Parts, board: Board, membership: Membership) -> None:
        self._parts = parts
        self._board = board
        self._membership = membership
        self._assignment: Assignment | None = None
        self._mine: set[int] = set()
        """The slots of the assignment that nothing has been heard against since."""
        self._runs: dict[int, tuple[SlotRun, asyncio.Task[None]]] = {}
        self._ends: dict[int, asyncio.Task[None]] = {}
        self._draining = False

    async def run(self) -> None:
        """Follow the assignments until cancelled."""
        coordination = await self._membership.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._follow(coordination, tasks)
                    if coordination.assignment is None and coordination.failure is not None:
                        self._board.wait(coordination.failure.trouble)
                    await coordination.bell.wait(LOOK_SECONDS)
        finally:
            for end in self._ends.values():
                end.cancel()

    async def drain(self) -> None:
        """Hand over everything, then leave the group."""
        self._draining = True
        for slot in [*self._runs]:
            self._end(slot)
        if self._ends:
            await asyncio.gather(*self._ends.values())
        await self._membership.close()

    def _follow(self, coordination: Coordination, tasks: asyncio.TaskGroup) -> None:
        """Give what the group has taken away, and take up what it has assigned.

        A slot that was refused to us is taken up again while the assignment says that it is ours.
        """
        new, old = coordination.assignment, self._assignment
        if new is None or self._draining or (new == old and new.slots <= self._mine):
            return
        self._assignment = new
        if old is not None and old.epoch != new.epoch:
            # What ran before may be another's by now: it ends as it is.
            self._mine.clear()
            for slot in [*self._runs]:
                self._end(slot, softly=False)
        for slot in [slot for slot in self._runs if slot not in new.slots]:
            self._end(slot)
        gained = new.slots - self._mine
        self._mine = set(new.slots)
        log.info("slots assigned", slots=len(new.slots), gained=len(gained))
        if gained:
            tasks.create_task(self._take(gained, coordination, tasks))
        else:
            self._board.wait(None)

    async def _take(
        self, gained: Iterable[int], coordination: Coordination, tasks: asyncio.TaskGroup
    ) -> None:
        """Run what configuration and topic want in slots that were gained."""
        await caught_up(coordination)
        slots = {slot for slot in gained if slot in self._mine and slot not in self._runs}
        lineages: dict[int, list[Lineage]] = defaultdict(list)
        config, view = self._parts.config, coordination.view
        for lineage in plan(config, view, slots, coordination.slots).values():
            lineages[lineage.slot].append(lineage)
        if self._draining:
            return
        if view.generation > config.generation:
            log.warning("overruled", generation=config.generation, recorded=view.generation)
            self._board.overrule(
                view.generation, {e.record.mapping for e in view.sessions.values()}
            )
        for slot, its in lineages.items():
            run = SlotRun(self._parts, self._board, coordination, slot, its)
            self._runs[slot] = run, tasks.create_task(self._run(slot, run))
        for run, _ in [self._runs[slot] for slot in lineages if slot in self._runs]:
            await run.begun.wait()
        self._board.wait(None)

    async def _run(self, slot: int, run: SlotRun) -> None:
        """Run a slot, once what ran in it before has ended."""
        before = self._ends.get(slot)
        if before is not None:
            await asyncio.wait({before})
        refused = not await run.run()
        if refused and self._runs.get(slot, (None,))[0] is run:
            # If it is in the next assignment, or in this one still, it is as if gained.
            self._mine.discard(slot)
            del self._runs[slot]

    def _end(self, slot: int, *, softly: bool = True) -> None:
        run, task = self._runs.pop(slot)
        before = self._ends.get(slot)
        self._ends[slot] = asyncio.create_task(self._ended(run, task, before, softly=softly))

    async def _ended(
        self,
        run: SlotRun,
        task: asyncio.Task[None],
        before: asyncio.Task[None] | None,
        *,
        softly: bool,
    ) -> None:
        """Hand a slot over; or end it as it is, when it may be another's by now.

        If the slot was taken, came back and is taken again, what ran before may not have ended.
        """
        if softly:
            await run.hand_over()
        await ended(task)
        if not softly:
            await run.release()
        if before is not None:
            await before
