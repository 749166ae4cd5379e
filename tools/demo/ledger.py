"""What was sent and what arrived, message by message; the proof at the end is made of this."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Arrivals:
    """The sequence numbers that came from one source: all up to `upto`, and some ahead."""

    upto: int = 0
    ahead: set[int] = field(default_factory=set)
    repeated: int = 0

    @property
    def count(self) -> int:
        """How many different ones came."""
        return self.upto + len(self.ahead)

    def add(self, seq: int) -> bool:
        """Take one in; tell whether it is new."""
        if seq <= self.upto or seq in self.ahead:
            self.repeated += 1
            return False
        self.ahead.add(seq)
        while self.upto + 1 in self.ahead:
            self.upto += 1
            self.ahead.remove(self.upto)
        return True

    def missing(self, sent: int) -> int:
        """Count which of `1..sent` did not come."""
        return max(0, sent - self.upto - sum(seq <= sent for seq in self.ahead))


@dataclass
class Tally:
    """One mapping: what each source sent and what arrived, with order and place per key.

    `sent` counts what the source knows to be safe: acknowledged by the broker, or by Kafka.
    """

    sent: dict[str, int] = field(default_factory=dict)
    arrived: dict[str, Arrivals] = field(default_factory=dict)
    disordered: int = 0
    misplaced: int = 0
    _last: dict[tuple[str, str], int] = field(default_factory=dict)
    _places: dict[str, str] = field(default_factory=dict)

    def arrive(self, source: str, seq: int, key: str, place: str) -> None:
        """Note an arrival; `place` is the partition, where there is one."""
        if self._places.setdefault(key, place) != place:
            self.misplaced += 1
        if self.arrived.setdefault(source, Arrivals()).add(seq):
            last = self._last.get((source, key), 0)
            self.disordered += seq < last
            self._last[source, key] = max(seq, last)

    def of(self, source: str) -> Arrivals:
        """Look up what came from one source."""
        return self.arrived.get(source, Arrivals())

    @property
    def total_sent(self) -> int:
        """All that was sent."""
        return sum(self.sent.values())

    @property
    def total_arrived(self) -> int:
        """All that arrived, repetitions apart."""
        return sum(arrivals.count for arrivals in self.arrived.values())

    @property
    def lost(self) -> int:
        """What was sent and did not arrive (yet)."""
        return sum(self.of(source).missing(sent) for source, sent in self.sent.items())

    @property
    def repeated(self) -> int:
        """What arrived more than once."""
        return sum(arrivals.repeated for arrivals in self.arrived.values())

    @property
    def sound(self) -> bool:
        """Tell whether nothing is lost, disordered or misplaced."""
        return not (self.lost or self.disordered or self.misplaced)


@dataclass
class Poison:
    """The messages that can't be forwarded, by their bytes, and the dead letters they became."""

    sent: Counter[bytes] = field(default_factory=Counter)
    arrived: Counter[bytes] = field(default_factory=Counter)

    @property
    def lost(self) -> int:
        """Poison without a dead letter (yet)."""
        return (self.sent - self.arrived).total()

    @property
    def strangers(self) -> int:
        """Dead letters that were no poison."""
        return sum(n for payload, n in self.arrived.items() if payload not in self.sent)

    @property
    def sound(self) -> bool:
        """Tell whether the dead letters are the poison."""
        return not (self.lost or self.strangers)


@dataclass
class Ledger:
    """All of the demo's counting."""

    telemetry: Tally = field(default_factory=Tally)
    inspections: Tally = field(default_factory=Tally)
    commands: Tally = field(default_factory=Tally)
    poison: Poison = field(default_factory=Poison)

    @property
    def tallies(self) -> dict[str, Tally]:
        """The mappings by name."""
        return {
            "telemetry": self.telemetry,
            "inspections": self.inspections,
            "commands": self.commands,
        }

    @property
    def settled(self) -> bool:
        """Tell whether nothing is on its way any more."""
        return not (sum(tally.lost for tally in self.tallies.values()) or self.poison.lost)

    @property
    def sound(self) -> bool:
        """Tell whether sent = received, in order, and dead letters = poison."""
        return self.poison.sound and all(tally.sound for tally in self.tallies.values())
