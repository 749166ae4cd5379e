"""What the coordination topic tells of the sessions of a bridge: who ran which, since when."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink

_SESSION = b"session/"
_SAME_MOMENT_SECONDS = 0.001


class Word(NamedTuple):
    """A record of a session; `at` is the time of day of its pod, which here is everybody's."""

    at: float
    offset: int
    client_id: str
    state: str
    pod: str
    instance: str
    term: int | None


class Term(NamedTuple):
    """A pod ran a session from one moment to another; `until` is None if it never said so."""

    client_id: str
    pod: str
    instance: str
    since: float
    until: float | None


def words(kafka: KafkaCluster, topic: str) -> list[Word]:
    """Return all records of sessions, in the order in which each session's were stored."""
    with KafkaSink(kafka.bootstrap, topic) as sink:
        records = sorted(sink.read(), key=lambda record: (record.partition, record.offset))
    found = []
    for record in records:
        key = record.key or b""
        if key.startswith(_SESSION) and record.value is not None:
            said = json.loads(record.value)
            found.append(
                Word(
                    datetime.fromisoformat(said["at"]).timestamp(),
                    record.offset,
                    key.removeprefix(_SESSION).decode(),
                    said["state"],
                    said["pod"],
                    said["instance"],
                    said["term"],
                )
            )
    return found


def terms(said: Iterable[Word]) -> dict[str, list[Term]]:
    """Return the terms of each session, in order."""
    found: dict[str, list[Term]] = defaultdict(list)
    begun: dict[tuple[str, int], int] = {}
    for word in said:
        own = found[word.client_id]
        if word.state == "Claimed":
            begun[word.client_id, word.offset] = len(own)
            own.append(Term(word.client_id, word.pod, word.instance, word.at, None))
        elif word.term is not None and word.state in {"Released", "Retired", "Stopped"}:
            at = begun[word.client_id, word.term]
            if own[at].until is None:
                own[at] = own[at]._replace(until=word.at)
    return dict(found)


def changes(found: dict[str, list[Term]]) -> Iterator[tuple[Term, Term]]:
    """Yield each term with the one that followed it."""
    for own in found.values():
        yield from pairwise(own)


def moved(found: dict[str, list[Term]], since: float, until: float) -> list[str]:
    """Return the client ids of the sessions that got another pod in a span of time."""
    return [
        new.client_id
        for old, new in changes(found)
        if old.instance != new.instance and since <= new.since <= until
    ]


def check_hand_overs(
    found: dict[str, list[Term]], *, crashed: Collection[str] = ()
) -> Sequence[float]:
    """Check that nobody claimed a session before its owner had released it.

    Args:
        found: the terms.
        crashed: pods that were killed or frozen, so that they could not.

    Returns:
        How long each session that was handed over was nobody's, in seconds.

    Raises:
        AssertionError: two had it at a time.
    """
    gaps, early = [], []
    for old, new in changes(found):
        if old.until is not None and old.until <= new.since + _SAME_MOMENT_SECONDS:
            gaps.append(max(0.0, new.since - old.until))
        elif old.instance != new.instance and old.pod not in crashed:
            early.append((old, new))
    assert not early, f"{len(early)} claimed before they were released, such as {early[:3]}"
    return gaps
