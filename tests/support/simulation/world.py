"""One simulated world: a broker, a cluster, the processes of one bridge, and what it may expect."""

import asyncio
from random import Random

from mqtt_kafka_bridge.flows.ports import TopicPartition
from tests.support.simulation.broker import Broker
from tests.support.simulation.connection import Connection
from tests.support.simulation.fates import Fate, Stored
from tests.support.simulation.journal import Journal
from tests.support.simulation.kafka import SimulatedKafka
from tests.support.simulation.kafka_group import Group, uncommitted
from tests.support.simulation.kafka_log import KafkaState, Record
from tests.support.simulation.plan import DEAD_LETTERS, Plan
from tests.support.simulation.process import Process
from tests.support.simulation.watched_budget import WatchedBudget
from tests.support.simulation.wire import Wire

ORDERS = "orders"
MISSING_ROOM = "rooms.r9"


class World:
    """Everything of one run.

    Args:
        plan: what it is made of.
        rng: decides what chance decides.
    """

    def __init__(self, plan: Plan, rng: Random) -> None:
        loop = asyncio.get_running_loop()
        self.plan = plan
        self.rng = rng
        self.loop = loop
        self.journal = Journal(loop.time)
        self.stored = Stored(DEAD_LETTERS)
        self.broker = Broker(loop, rng, self.journal, self.stored, plan.broker)
        self.broker.ended = self._connection_ended
        self.kafka = KafkaState(loop, rng, self.journal, self.stored)
        self.groups: dict[str, Group] = {}
        self.processes: list[Process] = []
        self.ended: list[Process] = []
        self.order_fates: dict[TopicPartition, dict[int, Fate]] = {}
        self.on_error = plan.on_error
        self.may_store_again = 0
        """How many records may be stored twice, by what has gone wrong so far."""
        self.may_be_heard_again = 0
        self._wires: dict[Process, dict[Wire, None]] = {}
        self._names = 0
        self._create_topics()

    def _create_topics(self) -> None:
        plan, kafka = self.plan, self.kafka
        for name in ("lines", "rooms.r0", "rooms.r1"):
            kafka.create(name, plan.partitions, plan.max_bytes, plan.told_max_bytes)
        kafka.create(ORDERS, plan.partitions, 1_048_576)
        if self.rng.random() < 0.5:
            kafka.create(DEAD_LETTERS, 2, 1_048_576)

    # Processes

    def spawn(self, *, outward_only: bool = False) -> Process:
        """Start a process."""
        self._names += 1
        config = self.plan.config(self.on_error)
        if outward_only:
            config = config.model_copy(update={"mqtt_to_kafka": []})
        members = len(config.mqtt_to_kafka) + len(config.kafka_to_mqtt)
        budget = WatchedBudget(self.plan.bytes_in_flight, members)
        process = Process(self.journal, config, f"p{self._names}", budget)
        wires = self._wires[process] = {}
        kafka = SimulatedKafka(
            self.kafka,
            self.groups,
            config,
            lambda: process.alive,
            self.has_met_its_fate,
            lambda mapping: self._producer_spent(process, mapping),
            lambda why: self._may_hear_again(why, self._published(process)),
        )
        self.processes.append(process)
        process.start(kafka, self.broker.dial(lambda: process.alive, wires))
        return process

    async def stop(self, process: Process) -> None:
        """Stop a process in good order."""
        self.processes.remove(process)
        drained = await process.drain()
        self.ended.append(process)
        process.check()
        process.budget.check(self.journal, len(self._wires[process]))
        if drained:
            process.check_empty()
        if self.plan.faults:
            return
        if not drained:
            self.journal.wrong("hang", f"{process.name} was not drained in time")
        for wire in self._wires[process]:
            assert isinstance(wire.peer, Connection)
            if wire.peer.client.used and not wire.peer.clean_end:
                self.journal.wrong("D", f"{process.name} drained, and said no DISCONNECT")

    async def kill(self, process: Process) -> None:
        """Kill a process."""
        self.processes.remove(process)
        for wire in self._wires[process]:
            wire.cut()
        process.budget.check(self.journal, len(self._wires[process]))
        await process.kill()
        self.ended.append(process)

    # What may come again

    def _connection_ended(self, connection: Connection) -> None:
        session = connection.session
        if session is None or session.connection is not connection:
            return
        if not session.expiry_seconds:
            self._may_hear_again("a publisher's end", connection.client.published)
        elif not (connection.clean_end and self._owner(connection).draining):
            self.may_store_again += len(session.in_flight)

    def _owner(self, connection: Connection) -> Process:
        return next(
            process
            for process, wires in self._wires.items()
            if any(wire.peer is connection for wire in wires)
        )

    def _producer_spent(self, process: Process, mapping: str) -> None:
        """Allow what the mapping has not acknowledged to be stored again.

        That may be more than its session holds: what the broker forgot is still in the window.
        """
        board = process.board.mappings[mapping.removesuffix(".dead-letters")]
        sessions = self.broker.sessions.values()
        if not process.drained:
            self.may_store_again += max(
                board.meter.in_flight,
                sum(len(s.in_flight) for s in sessions if f".{mapping}." in s.client_id),
            )

    def _published(self, process: Process) -> set[bytes]:
        """Return what a process has published."""
        peers = [wire.peer for wire in self._wires[process]]
        return {each for p in peers if isinstance(p, Connection) for each in p.client.published}

    def _may_hear_again(self, why: str, published: set[bytes]) -> None:
        """Allow what was published and is not committed to be heard again; in peace, nothing."""
        group = next(iter(self.groups.values()), None)
        count = uncommitted(self.kafka, group, published.__contains__)
        self.may_be_heard_again += count
        if count and not self.plan.faults and self.plan.outbound_qos:
            self.journal.wrong("D", f"{count} published and not committed at {why}")

    # Fates

    def fate(self, fate: Fate) -> Fate:
        """Return a fate as `onError` has it: with `Drop` nothing is stored of what is refused."""
        refused = fate in (Fate.DEAD, Fate.FORWARDED_OR_DEAD)
        return Fate.FILTERED if refused and self.plan.on_error == "Drop" else fate

    def has_met_its_fate(self, place: TopicPartition, record: Record) -> bool:
        """Tell whether a record from Kafka may be committed."""
        fate = self.order_fates[place][record.offset]
        value = record.value or b""
        if fate is Fate.FILTERED or value in self.broker.heard.acknowledged:
            return True
        refused = value in self.broker.heard.refused
        if fate is not Fate.FORWARDED or refused:
            return self.stored.is_dead(value) or (refused and self.plan.on_error == "Drop")
        return False

    def compacted(self, record: Record) -> None:
        """Expect nothing of a record that Kafka has compacted away."""
        for place, fates in self.order_fates.items():
            if record in self.kafka.kept[place]:
                fates[record.offset] = Fate.FILTERED

    # Peace

    @property
    def quiet(self) -> bool:
        """Whether everything that was sent is finished, on both sides."""
        if any(s.unfinished for s in self.broker.sessions.values() if s.expiry_seconds):
            return False
        wanted = len(self.plan.config(self.on_error).mqtt_to_kafka)
        if sum(bool(s.subscriptions) for s in self.broker.sessions.values()) < wanted:
            return False
        return bool(self.groups) and all(
            log.end == group.commits.get(TopicPartition(topic, partition), 0)
            for group in self.groups.values()
            for topic in group.topics
            for partition, log in enumerate(self.kafka.topics[topic].logs)
        )

    def state(self) -> str:
        """Say what is not finished."""
        sessions = {
            s.client_id: (len(s.queue), len(s.in_flight), bool(s.connection))
            for s in self.broker.sessions.values()
        }
        boards = {
            f"{p.name} {name}": (m.state.value, m.meter.in_flight, m.trouble and m.trouble.message)
            for p in self.processes
            for name, m in p.board.mappings.items()
        }
        return f"sessions (queued, in flight, connected) {sessions}; {boards}; {self.kafka.commits}"
