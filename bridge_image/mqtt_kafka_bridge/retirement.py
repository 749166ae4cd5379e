"""Ending all sessions of a bridge: best effort, and never those of a bridge that runs.

As long as a pod takes part in the sessions' group nothing is joined and nothing is ended: to join
would move sessions off that pod. After that the group is the lock that it is for a bridge: each
session is ended under the lease of its slot, and none once a pod has begun to run. So there is
nobody whom a claim could be waited for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeVar

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.coordination.plan import Wanted, desired
from mqtt_kafka_bridge.coordination.records import RecordState, session_key, start_key
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.coordination.view import Entry, View
from mqtt_kafka_bridge.errors import BridgeError, LeaseRefusedError
from mqtt_kafka_bridge.flows.alone import Alone
from mqtt_kafka_bridge.flows.coordination_port import SESSION_TIMEOUT_SECONDS, Coordination
from mqtt_kafka_bridge.flows.ending import end_session
from mqtt_kafka_bridge.flows.tasks import persistently
from mqtt_kafka_bridge.kafka.cluster import Cluster
from mqtt_kafka_bridge.kafka.coordination_topic import SLOTS
from mqtt_kafka_bridge.kafka.session_overview import overview
from mqtt_kafka_bridge.mqtt.dialing import dialer
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer

POD: Final = "retire"
"""As whom it takes part in the group."""
GONE_SECONDS: Final = SESSION_TIMEOUT_SECONDS + 2
"""A pod that was killed is a member for so long; one that is it longer runs."""
_LOOK_SECONDS: Final = 1.0
_AT_ONCE: Final = 16
"""Sessions that are ended at the same time."""
_TIME_IS_UP = "the time was up"
_T = TypeVar("_T")


class Retirement:
    """The end of a bridge's sessions.

    Args:
        config: of the bridge.
        tell: takes a line about each session that was ended.
        hint: takes lines about what is waited for.
    """

    def __init__(
        self, config: BridgeConfig, *, tell: Callable[[str], None], hint: Callable[[str], None]
    ) -> None:
        self.ended: list[str] = []
        """Client ids."""
        self.left: dict[str, str] = {}
        """Client ids of what is not ended yet (or keys of unreadable records), and why."""
        self.done = False
        """Whether it came to its end; what is left then can't be ended now."""
        self._config = config
        self._tell, self._hint = tell, hint
        self._hinted: set[str] = set()
        self._cluster = Cluster(config, POD)
        self._dial, self._buffer = dialer(config.mqtt), ReadBuffer()

    async def run(self) -> None:
        """End what can be ended, until cancelled; `left` says what is not."""
        self._sessions(View())
        coordination = await self._take_part()
        if coordination is None:
            return
        try:
            await self._end_all(coordination)
            self.done = True
        finally:
            await coordination.close()

    async def _take_part(self) -> Coordination | None:
        """Return our part in the coordination, once nobody else takes part; None: somebody does."""
        if self._config.kafka.coordination.type == "None":
            return Alone()
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + GONE_SECONDS
        while True:
            found = await self._persistently(partial(overview, self._config, POD))
            if not found.pods:
                break
            self._leave_to(found.pods, found.view)
            if clock() >= give_up_at:
                return None
            self._hint_once(
                f"{_still_runs(found.pods)}"
                f" (waiting {GONE_SECONDS:g} s, for Kafka notices late that a pod was killed)"
            )
            await asyncio.sleep(_LOOK_SECONDS)
        if found.slots == SLOTS:
            return await self._persistently(self._cluster.open_coordination)
        # Nobody can run with such a topic, so that there is nobody to be locked out.
        wrong = f"has {found.slots} partitions instead of {SLOTS}"
        self._hint_once(
            f"the topic {self._config.coordination_topic}"
            f" {wrong if found.slots else 'does not exist'}: ending what it and the configuration"
            " name, and leaving it as it is"
        )
        alone = Alone()
        alone.view = found.view
        return alone

    def _leave_to(self, pods: list[str], view: View) -> None:
        """Say of every session who runs it."""
        for client_id in self._sessions(view):
            entry = view.sessions.get(client_id)
            claimed = entry is not None and entry.record.state is RecordState.CLAIMED
            runs_it = [entry.record.pod] if entry and claimed and entry.record.pod in pods else pods
            self.left[client_id] = _still_runs(runs_it)

    def _sessions(self, view: View) -> dict[str, Wanted]:
        """Return all sessions that there may be, by client id, and count them as left."""
        found = {wanted.client_id: wanted for wanted in desired(self._config)}
        found |= {name: Wanted.stored(name, entry) for name, entry in view.sessions.items()}
        self.left |= dict.fromkeys(found, _TIME_IS_UP)
        return found

    async def _end_all(self, coordination: Coordination) -> None:
        while coordination.assignment is None:
            await coordination.bell.wait()
        await self._persistently(coordination.catch_up)
        view, at_once = coordination.view, asyncio.Semaphore(_AT_ONCE)

        async def end(wanted: Wanted) -> None:
            async with at_once:
                await self._end(coordination, wanted)

        async with asyncio.TaskGroup() as tasks:
            for wanted in self._sessions(view).values():
                tasks.create_task(end(wanted))
        for mapping in [*view.starts]:
            await self._forget_start(coordination, mapping)
        for key, why in view.unreadable.items():
            self.left[key] = f"the record can't be read: {why}; use the version that wrote it"

    async def _end(self, coordination: Coordination, wanted: Wanted) -> None:
        """End a session at the broker and in the topic."""
        name, slot = wanted.client_id, _slot(coordination, wanted.mapping.name, wanted.member)
        try:
            admit = partial(self._admit, coordination, slot)
            await end_session(
                self._config.mqtt, self._dial, self._buffer, name, admit, partial(self._show, name)
            )
            entry = coordination.view.sessions.get(name)
            if entry is not None:
                await self._record_end(coordination, slot, name, entry)
        except LeaseRefusedError:
            self.left[name] = "a pod has begun to run: stop it first"
        else:
            del self.left[name]
            self.ended.append(name)
            self._tell(f"{name}: ended")

    async def _admit(self, coordination: Coordination, slot: int) -> None:
        """See, before each CONNECT, that a slot is ours and that no pod has begun to run.

        Raises:
            LeaseRefusedError: it is not, or one has.
            BridgeError: Kafka did not answer: unknown.
        """
        await coordination.prove(slot)
        assignment = coordination.assignment
        if assignment is None or assignment.present - {coordination.instance}:
            raise LeaseRefusedError("another pod takes part")

    async def _record_end(
        self, coordination: Coordination, slot: int, name: str, entry: Entry
    ) -> None:
        """Write that a session is retired, then that there is none."""
        retired = entry.record.model_copy(
            update={
                "state": RecordState.RETIRED,
                "term": entry.term,
                "pod": POD,
                "instance": coordination.instance,
                "at": datetime.now(UTC),
            }
        )
        for value in (retired.encode(), None):
            write = partial(coordination.write, slot, session_key(name), value)
            await self._persistently(write, name)

    async def _forget_start(self, coordination: Coordination, mapping: str) -> None:
        """Remove where a mapping from Kafka began: the next bridge of this name decides anew."""
        slot = _slot(coordination, mapping, 0)
        try:
            await self._persistently(partial(self._admit, coordination, slot))
        except LeaseRefusedError:
            return  # Whoever runs now needs it.
        write = partial(coordination.write, slot, start_key(mapping), None)
        await self._persistently(write)

    async def _persistently(self, act: Callable[[], Awaitable[_T]], name: str | None = None) -> _T:
        """Try until it is done; say meanwhile why one session, or none of them, can be ended."""
        return await persistently(act, partial(self._show, name))

    def _show(self, name: str | None, error: BridgeError) -> None:
        """Say why it takes longer; once, and again at the end for what is left."""
        why = "; ".join(filter(None, (error.message, error.cure)))
        self.left |= dict.fromkeys(self.left if name is None else [name], why)
        self._hint_once(why)

    def _hint_once(self, line: str) -> None:
        if line not in self._hinted:
            self._hinted.add(line)
            self._hint(line)


def _slot(coordination: Coordination, mapping: str, member: int) -> int:
    return slot_of(mapping, member, coordination.slots)


def _still_runs(pods: list[str]) -> str:
    if len(pods) == 1:
        return f"pod {pods[0]} still runs: stop it first"
    return f"pods {', '.join(pods)} still run: stop them first"
