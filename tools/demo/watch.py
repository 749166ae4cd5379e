"""One reader of all the bridge's Kafka topics: it counts every record, and keeps the latest."""

import time
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from tools.demo.ledger import Ledger


@dataclass(frozen=True)
class Seen:
    """A record, for people."""

    topic: str
    partition: int
    offset: int
    key: str
    value: str
    headers: str


@dataclass(frozen=True)
class Dead:
    """A dead letter, for people."""

    at: str
    topic: str
    value: str
    reason: str
    message: str


@dataclass(frozen=True)
class Told:
    """A command that went from Kafka to a machine."""

    at: str
    machine: str
    temperature: float


@dataclass
class Machinery:
    """The last that a machine said in Kafka."""

    temperature: float
    state: str


@dataclass
class Watch:
    """Everything that has been seen in Kafka so far."""

    ledger: Ledger
    root: str
    machines: dict[str, Machinery] = field(default_factory=dict)
    latest: deque[Seen] = field(default_factory=lambda: deque(maxlen=40))
    dead: deque[Dead] = field(default_factory=lambda: deque(maxlen=8))
    told: deque[Told] = field(default_factory=lambda: deque(maxlen=16))

    def note_command(self, machine: str, number: int, temperature: float) -> None:
        """Note that Kafka stored a command."""
        self.ledger.commands.sent[machine] = number
        self.told.append(Told(time.strftime("%H:%M:%S"), machine, temperature))

    def note_obeyed(self, machine: str, number: int) -> None:
        """Note that a command came to its machine."""
        self.ledger.commands.arrive(machine, number, machine, "")

    async def run(self, bootstrap: list[str]) -> None:
        """Read from the beginning until cancelled.

        Raises:
            KafkaError: Kafka can't be reached.
        """
        names = ("telemetry", "inspections", "dead-letters")
        consumer = AIOKafkaConsumer(
            *(f"{self.root}.{name}" for name in names),
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        try:
            async for record in consumer:
                self._take(record)
        finally:
            await consumer.stop()

    def _take(self, record: ConsumerRecord) -> None:
        kind = record.topic.removeprefix(f"{self.root}.")
        if kind == "dead-letters":
            self._bury(record)
            return
        body, key = orjson.loads(record.value), record.key.decode()
        place = f"{record.topic}/{record.partition}"
        if kind == "telemetry":
            self.ledger.telemetry.arrive(body["machine"], body["seq"], key, place)
            self.machines[body["machine"]] = Machinery(body["temperature"], body["state"])
        else:
            self.ledger.inspections.arrive(body["camera"], body["seq"], key, place)
        self.latest.append(
            Seen(
                record.topic,
                record.partition,
                record.offset,
                key,
                record.value.decode(),
                _headers(record),
            )
        )

    def _bury(self, record: ConsumerRecord) -> None:
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
        self.ledger.poison.arrived[record.value] += 1
        self.dead.append(
            Dead(
                time.strftime("%H:%M:%S"),
                record.key.decode(),
                record.value.decode(errors="replace"),
                headers.get("deadletter.reason", ""),
                headers.get("deadletter.message", ""),
            )
        )


def _headers(record: ConsumerRecord) -> str:
    own = [(n, v) for n, v in record.headers if not n.startswith(("mqtt.", "bridge."))]
    return " ".join(f"{name}={value.decode(errors='replace')}" for name, value in own)


@dataclass
class Rate:
    """How fast a counter grew over the last few looks."""

    points: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=48))

    def look(self, now: float, count: int) -> None:
        """Note a count."""
        self.points.append((now, count))

    @property
    def now(self) -> float:
        """Per second, over about the last two seconds."""
        recent = list(self.points)[-9:]
        if len(recent) < 2:  # noqa: PLR2004 - a rate needs two points
            return 0.0
        return (recent[-1][1] - recent[0][1]) / (recent[-1][0] - recent[0][0])

    @property
    def steps(self) -> list[int]:
        """The growth from look to look."""
        return [after - before for (_, before), (_, after) in pairwise(self.points)]
