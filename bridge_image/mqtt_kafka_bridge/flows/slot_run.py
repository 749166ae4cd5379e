"""All sessions of one slot on this pod, from its assignment to its hand-over."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog

from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.coordination.plan import Lineage, Wanted, plan
from mqtt_kafka_bridge.coordination.records import RecordState, session_key
from mqtt_kafka_bridge.errors import BridgeError, LeaseRefusedError
from mqtt_kafka_bridge.flows.coordination_port import Coordination
from mqtt_kafka_bridge.flows.display import words
from mqtt_kafka_bridge.flows.ending import end_session
from mqtt_kafka_bridge.flows.markers import Marker
from mqtt_kafka_bridge.flows.membership import caught_up
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.replacement import replace
from mqtt_kafka_bridge.flows.session_run import SessionRun
from mqtt_kafka_bridge.flows.tasks import ended, guarded
from mqtt_kafka_bridge.mapping.names import incarnation_of, marker_topic, share_filter
from mqtt_kafka_bridge.observe.board import Board

log = structlog.get_logger()


class SlotRun:
    """The sessions of one slot.

    Args:
        parts: what all flows share.
        board: where they are shown.
        coordination: who says that the slot is ours.
        slot: its number.
        lineages: what is to run in it.
    """

    def __init__(
        self,
        parts: Parts,
        board: Board,
        coordination: Coordination,
        slot: int,
        lineages: Sequence[Lineage],
    ) -> None:
        self._parts = parts
        self._board = board
        self._coordination = coordination
        self._slot = slot
        self._lineages = lineages
        self._runs: dict[SessionRun, asyncio.Task[None]] = {}
        self._lives: list[asyncio.Task[None]] = []
        self._tasks: asyncio.TaskGroup | None = None
        self.begun = asyncio.Event()
        """Whether its sessions stand on the board."""

    async def run(self) -> bool:
        """Run until cancelled; return False when Kafka says that the slot is not ours.

        It returns True when there is nothing left to run. Nothing of it runs after that.
        """
        refused = False
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for lineage in self._lineages:
                    self._lives.append(self._tasks.create_task(self._live(lineage)))
                await asyncio.sleep(0)  # Each has taken its first step.
                self.begun.set()
        except* LeaseRefusedError as group:
            refused = True
            log.warning("slot lost", slot=self._slot, cause=str(_first(group)))
        if refused:
            await self.release()
        return not refused

    async def hand_over(self) -> None:
        """Finish what the sessions have taken, disconnect, and release them; `run` goes on."""
        for life in self._lives:
            life.cancel()
        if self._lives:
            await asyncio.wait(self._lives)
        async with asyncio.TaskGroup() as tasks:
            for run in self._runs:
                tasks.create_task(_released(run.hand_over, run))
        self._close()

    async def release(self) -> None:
        """Say that nothing of it runs here (any more), so that nobody waits for us."""
        for run in self._runs:
            await _released(run.release, run)
        self._close()

    def _close(self) -> None:
        for run in self._runs:
            run.close()

    async def _live(self, lineage: Lineage) -> None:
        while lineage.old and not lineage.stopped:
            newest = lineage.new or lineage.old[-1]
            topic = marker_topic(self._parts.config, incarnation_of(newest.mapping))
            await replace(lineage, topic, self)
            # What was recorded need not be what we want: an edit may have been edited since.
            again = await self._replan(newest)
            if again is None:
                return
            lineage = again
        newest = lineage.new or lineage.old[-1]
        self._begin(newest, stopped=lineage.stopped, unraised=lineage.unraised)

    def share_ends(self, old: Wanted) -> bool:
        """Tell whether a session is of a share in which no other stays."""
        config = self._parts.config
        shares = {share_filter(config, mapping) for mapping in config.mqtt_to_kafka}
        return old.mapping.ordering == "None" and share_filter(config, old.mapping) not in shares

    async def _replan(self, newest: Wanted) -> Lineage | None:
        """Return what has to become of a member of a mapping by now."""
        coordination = self._coordination
        await caught_up(coordination)
        lineages = plan(self._parts.config, coordination.view, {self._slot}, coordination.slots)
        return lineages.get((newest.mapping.name, newest.member))

    def begin(self, wanted: Wanted, marker: Marker) -> SessionRun:
        """Begin to run a session that is being replaced, in a task of its own."""
        return self._begin(wanted, marker)

    def reserve(self, wanted: Wanted) -> SessionRun:
        """Begin to keep a session subscribed that does not take anything yet."""
        return self._begin(wanted, reserve=True)

    def _begin(
        self,
        wanted: Wanted,
        marker: Marker | None = None,
        *,
        reserve: bool = False,
        stopped: bool = False,
        unraised: bool = False,
    ) -> SessionRun:
        """Begin to run a session."""
        parts, board, coordination = self._parts, self._board, self._coordination
        run = SessionRun(
            parts, board, coordination, self._slot, wanted, marker=marker, reserve=reserve
        )
        if unraised:
            run.note_risk(_NOT_RAISED)
        assert self._tasks is not None  # noqa: S101 - lineages live in it
        life = asyncio.sleep(0) if stopped else guarded(run.run())
        if stopped:
            run.show_stopped()
        self._runs[run] = self._tasks.create_task(life)
        return run

    async def end_run(self, run: SessionRun) -> None:
        """End to run a session; it stays at the broker."""
        await _released(run.hand_over, run)
        await self._stop(run)

    async def retire(self, run: SessionRun) -> None:
        """End a session that is drained, at the broker and in the topic."""
        client_id = run.wanted.client_id
        await self._stop(run)
        parts, prove = self._parts, run.lease.prove
        await end_session(parts.config.mqtt, parts.dial, parts.buffer, client_id, prove, run.show)
        await run.persistently(partial(run.release, RecordState.RETIRED))
        tombstone = partial(self._coordination.write, self._slot, session_key(client_id), None)
        await run.persistently(tombstone)

    async def _stop(self, run: SessionRun) -> None:
        """End the task of a session that is drained."""
        await ended(self._runs.pop(run))
        run.close()


async def _released(release: Callable[[], Awaitable[None]], run: SessionRun) -> None:
    try:
        await release()
    except BridgeError as error:  # The next owner waits for the session time-out.
        log.warning("session not released", client_id=run.wanted.client_id, **words(error.trouble))


def _first(error: BaseException) -> BaseException:
    """Return the first leaf of a group."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


_NOT_RAISED = Trouble(
    reason=Reason.GENERATION_NOT_RAISED,
    message="another configuration of the same generation is recorded: what is stored goes on",
    cure="raise `generation` with each change of the file, and start with it",
)
