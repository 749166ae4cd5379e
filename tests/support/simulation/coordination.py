"""The simulated `Coordination` of one pod: a member of the group, a reader, and a writer."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.coordination.assignor import Member, encode_member
from mqtt_kafka_bridge.coordination.plan import desired
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import BridgeError, LeaseRefusedError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Assignment, Bell, Resolve
from mqtt_kafka_bridge.flows.ports import TopicPartition
from mqtt_kafka_bridge.kafka.starts import recorded_start
from tests.support.simulation.kafka_group import Group
from tests.support.simulation.kafka_log import KafkaState
from tests.support.simulation.leases import Proof, Proofs
from tests.support.simulation.life import Life
from tests.support.simulation.slot_group import Refusal, SlotGroup
from tests.support.simulation.slots_topic import SlotsTopic

PROOF_SECONDS = 12.0
ANSWER_SECONDS = 4.0
_LATE_SECONDS = 20.0


class Tenure(NamedTuple):
    """An assignment, and as whom it was given."""

    assignment: Assignment
    member_id: str


class Shared(NamedTuple):
    """The cluster, as all pods see it."""

    state: KafkaState
    groups: dict[str, Group]
    """Of the consumers, by name."""
    group: SlotGroup
    """Of the pods."""
    topic: SlotsTopic
    proofs: Proofs
    """By which sessions may connect."""


class SimulatedCoordination:
    """One pod's part.

    Args:
        shared: the cluster's side.
        life: the process.
        config: its configuration.
    """

    def __init__(self, shared: Shared, life: Life, config: BridgeConfig) -> None:
        self.life = life
        self.closed = False
        self.instance = f"{shared.state.rng.getrandbits(64):016x}"
        self.slots = shared.group.slots
        self.view = View()
        self.bell = Bell()
        self.positions = [0] * self.slots
        self._shared = shared
        self._config = config
        self._weights = Counter(
            slot_of(each.mapping.name, each.member, self.slots) for each in desired(config)
        )
        self.failure: BridgeError | None = None
        self._tenure: Tenure | None = None
        self._epoch = 0
        self._reading = False
        shared.topic.readers[self] = None
        shared.group.join(self)
        self.read_soon()

    @property
    def assignment(self) -> Assignment | None:
        """The present assignment."""
        return None if self._tenure is None else self._tenure.assignment

    # The group's side

    def myself(self) -> bytes:
        """Return what this member tells the leader."""
        mine = self.assignment
        return encode_member(
            Member(
                id="",
                instance=self.instance,
                pod=self.life.name,
                generation=self._config.generation,
                group_generation=mine.generation if mine else -1,
                slots=mine.slots if mine else frozenset(),
                weights=self._weights,
            )
        )

    def assigned(
        self, member_id: str, generation: int, slots: frozenset[int], present: frozenset[str]
    ) -> None:
        """Take an assignment."""
        if not self._shared.group.knows(member_id):
            return  # Thrown out again before it was read.
        now = asyncio.get_running_loop().time()
        assignment = Assignment(self._epoch, generation, slots, present, now)
        self._tenure = Tenure(assignment, member_id)
        self.bell.ring()

    def lost(self) -> None:
        """Note that the group does not know us any more."""
        if self._tenure is not None:
            self._epoch += 1
            self._tenure = None
            self.life.soon(self.bell.ring)

    # The port

    async def prove(self, slot: int) -> None:
        """Prove that a slot is ours by a commit."""
        try:
            async with asyncio.timeout(PROOF_SECONDS):
                while not await self._proven(slot):
                    pass
        except TimeoutError:
            raise PassingError(Reason.KAFKA_UNREACHABLE, "no proof in time") from None

    async def _proven(self, slot: int) -> bool:
        """Ask once; False: ask again."""
        tenure, loop = self._tenure, asyncio.get_running_loop()
        if tenure is None:
            raise LeaseRefusedError("no member")
        if slot not in tenure.assignment.slots:
            raise LeaseRefusedError(f"slot {slot} is another's")
        asked, group = loop.time(), self._shared.group
        refusal, at = await self._shared.state.request(
            self.life,
            lambda: (group.commit(tenure.member_id, tenure.assignment.generation), loop.time()),
        )
        if refusal is None:
            proof = Proof(at, self.life.own_time)
            self._shared.proofs.setdefault((self.life, slot), []).append(proof)
            # An answer from before a freeze says nothing about now.
            return loop.time() - asked < ANSWER_SECONDS
        if refusal is Refusal.UNKNOWN_MEMBER:
            if self._tenure is tenure:
                self.lost()
            raise LeaseRefusedError(refusal.name)
        while self._tenure is tenure:
            await self.bell.wait()
        return False

    async def catch_up(self) -> None:
        """Read all that there is at this moment."""
        await self._shared.state.request(self.life, lambda: None)
        self._read_now()

    async def write(self, slot: int, key: bytes, value: bytes | None) -> int:
        """Store a record; the answer may be lost, and the record, and it may come late."""
        state, topic = self._shared.state, self._shared.topic
        failed = state.rng.random() < state.write_failures
        if failed and (late := state.rng.choice((None, 0.0, _LATE_SECONDS))) is not None:
            state.loop.later(state.rng.uniform(0, late), topic.append, slot, key, value)
        offset = await state.request(
            self.life, (lambda: -1) if failed else (lambda: topic.append(slot, key, value))
        )
        if failed:
            raise PassingError(Reason.KAFKA_WRITE_FAILED, "no answer to a write")
        return offset

    async def start(self, mapping: str, resolve: Resolve) -> Mapping[TopicPartition, int]:
        """Return where a mapping began, as the real one does."""
        return await recorded_start(self, mapping, resolve)

    async def close(self) -> None:
        """Leave, if Kafka hears it."""
        self._shared.topic.readers.pop(self, None)
        if self.life.in_touch and self._shared.state.well:
            await asyncio.sleep(self._shared.state.rng.choice((0.0, 0.01)))
            self._shared.group.leave(self)
        self.closed = True  # If Kafka did not hear it, it is evicted in time.
        self.lost()

    # The reader

    def read_soon(self) -> None:
        """Read after a while, longer if there is a lag."""
        if not self._reading:
            self._reading = True
            state = self._shared.state
            delay = state.rng.uniform(0, state.reader_lag_seconds)
            state.loop.later(delay, self.life.soon, self._read)

    def _read(self) -> None:
        state = self._shared.state
        if self.life.without_kafka or not state.well:
            state.loop.later(1.0, self.life.soon, self._read)
            return
        self._reading = False
        self._read_now()

    def _read_now(self) -> None:
        for slot, position in enumerate(self.positions):
            records, self.positions[slot] = self._shared.topic.read(slot, position)
            for record in records:
                self.view.apply(record.key or b"", record.value, record.offset)
        self.bell.ring()
