"""One session on this pod: waited for, claimed, run, and handed over."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from mqtt_kafka_bridge.contract.status import MappingState, Reason, SessionState, Trouble
from mqtt_kafka_bridge.coordination.claims import waits_for
from mqtt_kafka_bridge.coordination.plan import Wanted
from mqtt_kafka_bridge.coordination.records import RecordState, SessionRecord, session_key
from mqtt_kafka_bridge.errors import BridgeError, LeaseRefusedError
from mqtt_kafka_bridge.flows.coordination_port import SESSION_TIMEOUT_SECONDS, Coordination
from mqtt_kafka_bridge.flows.display import hinder
from mqtt_kafka_bridge.flows.lease import Lease
from mqtt_kafka_bridge.flows.markers import Marker
from mqtt_kafka_bridge.flows.mqtt_to_kafka import MqttToKafkaFlow
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.reserve import Reserve
from mqtt_kafka_bridge.flows.tasks import Backoff
from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_bridge.observe.flow_board import SessionBoard

log = structlog.get_logger()


class SessionRun:
    """From the assignment of a session's slot to the hand-over.

    Args:
        parts: what all flows share.
        board: where it is shown.
        coordination: who says that it is ours.
        slot: the session's.
        wanted: which session, and how it is defined.
        marker: to listen to, while the session is being replaced.
        reserve: stay subscribed, and leave with the broker what comes.
    """

    def __init__(
        self,
        parts: Parts,
        board: Board,
        coordination: Coordination,
        slot: int,
        wanted: Wanted,
        *,
        marker: Marker | None = None,
        reserve: bool = False,
    ) -> None:
        self.wanted = wanted
        self._parts = parts
        self._coordination = coordination
        self._slot = slot
        self._mapping = board.mapping(wanted.mapping.name)
        self._board = self._mapping.open(wanted.client_id)
        self._session = self._board.session = SessionBoard(
            wanted.client_id, parts.now(), wanted.member, slot
        )
        self.lease = Lease(coordination, slot)
        self.flow: MqttToKafkaFlow | Reserve = (
            Reserve(parts, wanted, self._board, self.lease.prove)
            if reserve
            else MqttToKafkaFlow(parts, wanted, self._board, self.lease.prove, marker)
        )
        self._waiting: asyncio.Task[None] | None = None
        self._running = False
        self._departs = wanted.leaving
        self._claimed = asyncio.Event()
        """Whether claiming is over, whatever came of it."""
        self._backoff = Backoff()

    async def run(self) -> None:
        """Claim and forward, until cancelled, handed over, or stopped by a message.

        Raises:
            LeaseRefusedError: the slot is not ours (any more); perhaps in an ExceptionGroup.
        """
        waiting = self._waiting = asyncio.create_task(self._until_free())
        try:
            await asyncio.wait({waiting})
            if not waiting.cancelled():
                waiting.result()
                await self._claim()
        finally:
            waiting.cancel()
            self._claimed.set()
        if not self.lease.ended:
            self._running = True
            await self.flow.run()
        if self._board.state is MappingState.STOPPED:
            term = self._session.term
            await self.persistently(partial(self._record, RecordState.STOPPED, term))

    async def hand_over(self) -> None:
        """Finish what was taken, disconnect, and only then say that the session is free.

        Raises:
            BridgeError: Kafka did not answer; the next owner waits for the session time-out.
        """
        self.lease.end()
        if self._waiting is not None:
            self._waiting.cancel()
            await self._claimed.wait()
        if self._running:
            await self.flow.drain()
        await self.release()

    async def begin_to_leave(self) -> None:
        """Unsubscribe, after writing down that whoever goes on must not subscribe it again."""
        self._departs = True
        await self.persistently(self._prove_and_claim)
        if not self.lease.ended:
            self.flow.session.leaving = True
            await self.flow.session.unsubscribe()

    async def release(self, state: RecordState = RecordState.RELEASED) -> None:
        """Say that this pod does not run the session, if it ever said that it does.

        Raises:
            BridgeError: Kafka did not answer; the next owner waits for the session time-out.
        """
        await self._coordination.catch_up()
        term = self._claimed_term()
        if term is not None:
            await self._record(state, term)

    def show(self, error: BridgeError) -> None:
        """Show why it can't go on for now."""
        hinder(self._board, "lease", error.trouble)

    def note_risk(self, risk: Trouble) -> None:
        """Show what endangers the session's messages."""
        self._board.risks[risk.reason] = risk

    def show_stopped(self) -> None:
        """Show that a message stopped the session before, here or elsewhere."""
        trouble = Trouble(
            reason=Reason.MESSAGE_REFUSED,
            message="a message that can't be forwarded stopped it; a log line says which",
            cure="repair what sends it, or set onError; then set another resumeToken",
        )
        self._board.be(MappingState.STOPPED, trouble)

    def close(self) -> None:
        """Take it down from the board."""
        self._mapping.close(self.wanted.client_id)

    def _claimed_term(self) -> int | None:
        """Return the term under which this process claims it, as the topic has it."""
        entry = self._coordination.view.sessions.get(self.wanted.client_id)
        if entry is None or entry.record.state is not RecordState.CLAIMED:
            return None
        return entry.term if entry.record.instance == self._coordination.instance else None

    async def _until_free(self) -> None:
        """Wait until nobody else runs it."""
        coordination, loop = self._coordination, asyncio.get_running_loop()
        while True:
            assignment = coordination.assignment
            if self.lease.is_being_taken:
                await self.lease.look()
                continue
            if assignment is None or self._slot not in assignment.slots:
                raise LeaseRefusedError(f"slot {self._slot} was assigned anew")
            entry = coordination.view.sessions.get(self.wanted.client_id)
            waited = loop.time() - assignment.at
            pod = waits_for(
                entry,
                coordination.instance,
                assignment.present,
                waited,
                SESSION_TIMEOUT_SECONDS,
            )
            if pod is None:
                hinder(self._board, "lease", None)
                return
            trouble = Trouble(
                reason=Reason.SESSION_ELSEWHERE,
                message=f"pod {pod} has the session and is handing it over",
            )
            hinder(self._board, "lease", trouble)
            await coordination.bell.wait(SESSION_TIMEOUT_SECONDS - waited)

    async def _claim(self) -> None:
        self._session.be(SessionState.CLAIMING, self._parts.now())
        await self.persistently(self._prove_and_claim)
        log.info(
            "session claimed",
            mapping=self._board.name,
            client_id=self.wanted.client_id,
            slot=self._slot,
            term=self._session.term,
        )

    async def _prove_and_claim(self) -> None:
        await self.lease.prove()
        self._session.term = await self._record(RecordState.CLAIMED)

    async def persistently(self, write: Callable[[], Awaitable[object]]) -> None:
        """Try to write until Kafka has it, or the session is handed over."""
        while not self.lease.ended:
            try:
                await write()
            except BridgeError as error:
                self.show(error)
                await self._backoff.wait()
            else:
                hinder(self._board, "lease", None)
                self._backoff.reset()
                return

    async def _record(self, state: RecordState, term: int | None = None) -> int:
        """Write what is with the session now; return the record's offset."""
        wanted, coordination = self.wanted, self._coordination
        record = SessionRecord(
            v=1,
            mapping=wanted.mapping.name,
            member=wanted.member,
            generation=wanted.generation,
            state=state,
            term=term,
            pod=self._parts.pod,
            instance=coordination.instance,
            at=self._parts.now(),
            definition=wanted.mapping,
            leaving=self._departs,
        )
        return await coordination.write(self._slot, session_key(wanted.client_id), record.encode())
