"""Flows of a bridge that has many mappings, and how steadily they flow, by Kafka's clock."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from tests.support import scenario_config
from tests.support.kafka_sink import Record
from tests.support.numbered import Numbered, numbered
from tests.support.site import Inbound, Site

_KEYS = 4


class Telemetry(Inbound):
    """One of several mappings from MQTT; keys are its own, and what it maps can be edited.

    Args:
        site: where.
        bridge: the bridge's name.
        called: the mapping's name.
        members: of a shared subscription, with ordering None; None: PerKey.
    """

    def __init__(self, site: Site, bridge: str, called: str, members: int | None = None) -> None:
        keys = [f"{called}-{n}" for n in range(_KEYS)]
        super().__init__(site, f"{bridge}-{called}", keys=keys)
        self.called, self.members = called, members
        self.pattern, self.key, self.qos = f"{self.name}/{{device}}", "{device}", 1

    @property
    def mapping(self) -> dict[str, Any]:
        """The mapping, as in a configuration."""
        source = {"qos": self.qos}
        mapping = scenario_config.inbound(
            self.called, self.pattern, self.topic, source=source, key=self.key
        )
        if self.members is None:
            return mapping
        return {**mapping, "ordering": "None", "sessions": self.members}

    @property
    def sessions(self) -> int:
        """How many sessions it has."""
        return self.members or 1


def repeated(records: Iterable[Record]) -> int:
    """Return how many records hold a message that another one held before."""
    messages = [message for r in records if (message := numbered(r.value)) is not None]
    return len(messages) - len(set(messages))


def first_appended(records: Iterable[Record]) -> dict[Numbered, float]:
    """Return when Kafka first appended each message, as time of day."""
    first: dict[Numbered, float] = {}
    for record in records:
        message = numbered(record.value)
        if message is not None:
            at = record.timestamp / 1000
            first[message] = min(at, first.get(message, at))
    return first


def longest_silence(records: Iterable[Record], since: float, until: float) -> float:
    """Return the longest time without a new message, of those that touch a span of time."""
    times = sorted(first_appended(records).values())
    silences = [b - a for a, b in pairwise(times) if b >= since and a <= until]
    return max(silences, default=0.0)


def longest_overtaken(records: Iterable[Record], since: float, until: float) -> float:
    """Return by how long a message came after a later one of its key, at most, in a span of time.

    A member of a shared subscription that stands still shows as that, while the others go on.
    """
    first = first_appended(records)
    by_key: dict[str, list[tuple[int, float]]] = {}
    for message, at in first.items():
        by_key.setdefault(message.key, []).append((message.number, at))
    longest = 0.0
    for appended in by_key.values():
        soonest = float("inf")
        for _, at in sorted(appended, reverse=True):
            soonest = min(soonest, at)
            if since <= at <= until:
                longest = max(longest, at - soonest)
    return longest
