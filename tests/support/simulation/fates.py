"""What has to become of a message, and what did: the truth that a run is judged by."""

from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto
from hashlib import sha256

from tests.support.simulation.journal import Journal


class Fate(Enum):
    """What the bridge has to make of a message."""

    FORWARDED = auto()
    FORWARDED_OR_DEAD = auto()
    """It depends on the moment: its topic may be missing, its limit may be lowered."""
    DEAD = auto()
    FILTERED = auto()


class Stored:
    """What Kafka has stored, in all topics, deleted ones included."""

    def __init__(self, dead_letter_topic: str) -> None:
        self.times: Counter[bytes] = Counter()
        """How often a value was stored outside the dead-letter topic."""
        self.dead: Counter[str] = Counter()
        """How often a value was stored as a dead letter, by its SHA-256."""
        self._dead_letter_topic = dead_letter_topic

    def add(
        self, topic: str, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
    ) -> None:
        """Write down a stored record."""
        if topic != self._dead_letter_topic:
            self.times[value or b""] += 1
            return
        digest = next(data for name, data in headers if name == "deadletter.sha256")
        self.dead[(digest or b"").decode()] += 1

    def is_dead(self, payload: bytes) -> bool:
        """Tell whether a dead letter of it is stored."""
        return self.dead[sha256(payload).hexdigest()] > 0

    def has(self, payload: bytes, fate: Fate) -> bool:
        """Tell whether a message has met its fate."""
        if fate is Fate.FILTERED:
            return True
        stored = fate is not Fate.DEAD and self.times[payload] > 0
        return stored or (fate is not Fate.FORWARDED and self.is_dead(payload))

    def duplicates(self) -> int:
        """Return how many records are stored again."""
        return self.times.total() - len(self.times)


class Heard:
    """What subscribers of the MQTT broker heard, in order, and what was acknowledged to us."""

    def __init__(self, journal: Journal) -> None:
        self.payloads: list[bytes] = []
        self.times: Counter[bytes] = Counter()
        self.acknowledged: set[bytes] = set()
        """What the client has read the PUBACK of."""
        self.refused: set[bytes] = set()
        """What the broker refused at any time."""
        self._journal = journal

    def accept(self, payload: bytes) -> None:
        """Write down that the broker took a message."""
        self.payloads.append(payload)
        self.times[payload] += 1
        self._journal.note(f"accepted {payload[:40]!r}")

    def duplicates(self) -> int:
        """Return how many messages were accepted again."""
        return len(self.payloads) - len(self.times)
