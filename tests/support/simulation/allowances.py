"""What may come again, by what has gone wrong so far: the bound of duplicates (D)."""

from collections.abc import Callable

from tests.support.simulation.broker import Broker
from tests.support.simulation.connection import Connection
from tests.support.simulation.journal import Journal
from tests.support.simulation.kafka_group import Group, uncommitted
from tests.support.simulation.kafka_log import KafkaState
from tests.support.simulation.plan import Plan
from tests.support.simulation.process import Process
from tests.support.simulation.wire import Wire


class Allowances:
    """Counts what may come again.

    Args:
        plan: of the run.
        journal: where everything is written down.
        broker: the MQTT broker.
        kafka: the cluster.
        groups: of consumers.
    """

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        broker: Broker,
        kafka: KafkaState,
        groups: dict[str, Group],
    ) -> None:
        self.stored_again = 0
        """How many records may be stored twice."""
        self.heard_again = 0
        self.wires: dict[Process, dict[Wire, None]] = {}
        self._plan = plan
        self._journal = journal
        self._broker = broker
        self._kafka = kafka
        self._groups = groups
        broker.ended = self._connection_ended

    def _connection_ended(self, connection: Connection) -> None:
        session = connection.session
        if session is None or session.connection is not connection:
            return
        if not session.expiry_seconds:
            self.hear_again("a publisher's end", connection.client.published.__contains__)
        elif not connection.clean_end or connection.refused or self._owner(connection).stopped:
            self.stored_again += len(session.in_flight)

    def _owner(self, connection: Connection) -> Process:
        return next(
            process
            for process, wires in self.wires.items()
            if any(wire.peer is connection for wire in wires)
        )

    def producer_spent(self, process: Process, mapping: str) -> None:
        """Allow what the mapping has not acknowledged to be stored again.

        That may be more than its session holds: what the broker forgot is still in the window.
        """
        board = process.board.mapping(mapping.removesuffix(".dead-letters"))
        sessions = self._broker.sessions.values()
        if not process.drained:
            self.stored_again += max(
                board.meter.in_flight,
                sum(len(s.in_flight) for s in sessions if f".{mapping}." in s.client_id),
            )

    def interrupted(self, process: Process) -> None:
        """Allow what a process has in hand to come again: it dies, or misses answers."""
        for mapping in [*process.board.mappings]:
            self.producer_spent(process, mapping)

    def consumer_gave_up(self, process: Process, why: str) -> None:
        """Allow what a process published to be heard again, or had fetched when it was evicted."""
        published = self._published(process)
        evicted = why == "an eviction"
        self.hear_again(why, (lambda _: True) if evicted else published.__contains__)

    def _published(self, process: Process) -> set[bytes]:
        """Return what a process has published."""
        peers = [wire.peer for wire in self.wires[process]]
        return {each for p in peers if isinstance(p, Connection) for each in p.client.published}

    def hear_again(self, why: str, counts: Callable[[bytes], bool]) -> None:
        """Allow what is not committed, and counts, to be heard again; in peace, nothing."""
        group = next(iter(self._groups.values()), None)
        count = uncommitted(self._kafka, group, counts)
        self.heard_again += count
        if count and not self._plan.faults and self._plan.outbound_qos:
            self._journal.wrong("D", f"{count} published and not committed at {why}")
