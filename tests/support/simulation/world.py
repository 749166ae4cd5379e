"""One simulated world: a broker, a cluster, the processes of one bridge, and what it may expect."""

import asyncio
from random import Random

from mqtt_kafka_bridge.flows.ports import TopicPartition
from tests.support.simulation.allowances import Allowances
from tests.support.simulation.broker import Broker
from tests.support.simulation.clock import SimulatedLoop
from tests.support.simulation.connection import Connection
from tests.support.simulation.coordination import Shared
from tests.support.simulation.editions import ORDERS
from tests.support.simulation.fates import Fate, Stored
from tests.support.simulation.journal import Journal
from tests.support.simulation.kafka import SimulatedKafka
from tests.support.simulation.kafka_group import Group
from tests.support.simulation.kafka_log import KafkaState, Record
from tests.support.simulation.leases import Leases
from tests.support.simulation.life import Life
from tests.support.simulation.plan import DEAD_LETTERS, Plan
from tests.support.simulation.process import Process
from tests.support.simulation.promises import Promises
from tests.support.simulation.slot_group import SlotGroup
from tests.support.simulation.slots_topic import SlotsTopic

MISSING_ROOM = "rooms.r9"


class World:
    """Everything of one run.

    Args:
        plan: what it is made of.
        rng: decides what chance decides.
    """

    def __init__(self, plan: Plan, rng: Random) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        self.plan = plan
        self.rng = rng
        self.loop = loop
        self.journal = Journal(loop.time)
        self.stored = Stored(DEAD_LETTERS)
        self.broker = Broker(loop, rng, self.journal, self.stored, plan.broker)
        self.kafka = KafkaState(loop, rng, self.journal, self.stored)
        self.kafka.slowest_write_seconds = plan.slowest_write_seconds
        self.groups: dict[str, Group] = {}
        self.slots = SlotsTopic(plan.slots, self.journal)
        self.slot_group = SlotGroup(self.kafka, plan.slots)
        self.promises = Promises(plan)
        self.allowances = Allowances(plan, self.journal, self.broker, self.kafka, self.groups)
        self.processes: list[Process] = []
        self.order_fates: dict[TopicPartition, dict[int, Fate]] = {}
        self.leases = Leases(self.journal, loop.time, plan.slots)
        self.broker.connecting = self.leases.connecting
        self.broker.subscribed = self._subscribed
        self._names = 0
        self._create_topics()

    def _create_topics(self) -> None:
        plan, kafka = self.plan, self.kafka
        for name in ("lines", "lines2", "rooms.r0", "rooms.r1"):
            kafka.create(name, plan.partitions, plan.max_bytes, plan.told_max_bytes)
        kafka.create(ORDERS, plan.partitions, 1_048_576)
        if self.rng.random() < 0.5:
            kafka.create(DEAD_LETTERS, 2, 1_048_576)

    # Processes

    def spawn(self, *, outward_only: bool = False, name: str | None = None) -> Process:
        """Start a process, with the configuration as it is now."""
        self._names += 1
        life = Life(self.loop, name or f"p{self._names}")
        process = Process(self.journal, self.promises.edition, life, outward_only=outward_only)
        self.journal.note(f"start {life.name} generation {process.edition.generation}")
        wires = self.allowances.wires[process] = {}
        kafka = SimulatedKafka(
            Shared(self.kafka, self.groups, self.slot_group, self.slots, self.leases.proofs),
            process.config,
            life,
            self.has_met_its_fate,
            lambda mapping: self.allowances.producer_spent(process, mapping),
            lambda why: self.allowances.consumer_gave_up(process, why),
        )
        self.processes.append(process)
        life.context.run(process.start, kafka, self.broker.dial(life, wires))
        return process

    async def stop(self, process: Process) -> None:
        """Stop a process in good order."""
        self.processes.remove(process)
        await process.stop()
        process.check()
        process.budget.check(self.journal, len(self.allowances.wires[process]))
        if process.drained:
            process.check_empty()
        for wire in self.allowances.wires[process]:
            if not wire.is_closing():
                wire.cut()
        process.life.die()
        if self.plan.faults:
            return
        if not process.drained:
            self.journal.wrong("hang", f"{process.name} was not drained in time")
        for wire in self.allowances.wires[process]:
            assert isinstance(wire.peer, Connection)
            if wire.peer.client.used and not wire.peer.clean_end:
                self.journal.wrong("D", f"{process.name} drained, and said no DISCONNECT")

    def kill(self, process: Process) -> None:
        """Kill a process."""
        self.journal.note(f"kill {process.name}")
        self.processes.remove(process)
        self.allowances.interrupted(process)
        for wire in self.allowances.wires[process]:
            wire.cut()
        process.budget.check(self.journal, len(self.allowances.wires[process]))
        process.life.die()

    def thaw(self, life: Life) -> None:
        """Let a frozen process go on; it takes answers that came meanwhile for missing ones."""
        if life.alive:
            process = next(each for each in self.allowances.wires if each.life is life)
            self.allowances.interrupted(process)
        life.thaw()

    def _subscribed(self, life: Life, client_id: str) -> None:
        process = next((each for each in self.allowances.wires if each.life is life), None)
        if process is not None:
            self.promises.subscribed(process.edition, client_id)

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
    def begun(self) -> bool:
        """Whether all sessions are subscribed, and it is known where reading begins."""
        subscribed = {s.client_id for s in self.broker.sessions.values() if s.subscriptions}
        commits = [self.kafka.commits.get(name, {}) for name in self.groups] or [{}]
        known = [place for place in commits[0] if place.topic == ORDERS]
        started = not self.plan.outbound or len(known) == self.plan.partitions
        return started and subscribed >= self.promises.client_ids

    @property
    def quiet(self) -> bool:
        """Whether everything that was sent is finished, on both sides."""
        lasting = {s.client_id: s for s in self.broker.sessions.values() if s.expiry_seconds}
        if lasting.keys() != self.promises.client_ids:
            return False
        if any(s.unfinished or not s.subscriptions or not s.connection for s in lasting.values()):
            return False
        return (bool(self.groups) or not self.plan.outbound) and all(
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
        wanted = sorted(self.promises.client_ids)
        return (
            f"sessions (queued, in flight, connected) {sessions}, wanted {wanted}; {boards};"
            f" {self.kafka.commits}; slots of {self.slot_group.owners_now}"
        )
