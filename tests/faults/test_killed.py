"""Rows 1 and 2: kill -9 at each crash point, again and again, while both sources go on."""

import random
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from tests.support.bridge import Bridge
from tests.support.site import (
    RECEIVE_MAXIMUM,
    Flow,
    Inbound,
    Outbound,
    Site,
    delays,
    load,
    news_since,
)

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
INBOUND_POINTS = ("after_produce_before_puback", "after_puback")
OUTBOUND_POINTS = ("after_puback_before_commit", "after_commit")
MESSAGES_PER_SECOND = 400
PILED_UP_SECONDS = 15
"""Kafka waits 10 s for a member that was killed; a new process takes its time to start."""
NEWS_SECONDS = 15
"""From a restart to the first new message on the other side."""
SOAK_ROUNDS, SHORT_ROUNDS = 50, 2


def hits(point: str, rounds: int, highest: int) -> list[int]:
    """Return, for each round, upon which time at the crash point it kills itself."""
    dice = random.Random(point)
    return [1, *(dice.randint(2, highest) for _ in range(rounds - 1))]


def one_after_the_other(bridges: Sequence[Bridge]) -> list[float]:
    """Start each bridge when the one before it, which runs, has killed itself; return when."""
    restarts: list[float] = []
    for bridge, following in pairwise(bridges):
        assert bridge.wait(60) == -signal.SIGKILL, bridge.log_tail()
        following.launch()
        restarts.append(time.monotonic())
    return restarts


def see_how_soon(flow: Flow, restarts: Sequence[float], point: str, note: Note) -> None:
    """Check how long it took from each restart to the first new message on the other side."""
    took = delays(flow, restarts)
    note(f"{point}: first new one (s)", max(took))
    note("duplicates", flow.ledger.duplicates())
    assert max(took) <= NEWS_SECONDS, took


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("point", INBOUND_POINTS)
def test_a_bridge_killed_between_kafka_and_the_acknowledgement_loses_nothing(
    point: str, site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """Row 1: L O D W, and the first new record within 15 s of each restart."""
    flow = Inbound(site, unique)
    config = site.config(flow)
    rounds = SOAK_ROUNDS if soak else SHORT_ROUNDS
    crashing = [make_bridge(config, crash_at=point, hit=hit) for hit in hits(point, rounds, 40)]
    crashing[0].up()
    with load(site.background, MESSAGES_PER_SECOND, flow):
        restarts = one_after_the_other([*crashing, make_bridge(config)])
        news_since(flow, restarts[-1], NEWS_SECONDS)
    flow.complete()
    flow.ledger.check(duplicates_at_most=RECEIVE_MAXIMUM * rounds)
    assert flow.check_wire()
    see_how_soon(flow, restarts, point, note)


def killed_on_the_way_out(
    site: Site, flow: Outbound, point: str, bridges: Sequence[Bridge], note: Note
) -> None:
    """Row 2 at one point; the last bridge lives."""
    bridges[0].launch()
    with load(site.background, MESSAGES_PER_SECOND, flow):
        restarts = one_after_the_other(bridges)
        news_since(flow, restarts[-1], NEWS_SECONDS)
    flow.complete()
    # It commits every second; in that of a restart goes what piled up until Kafka let it in.
    once = RECEIVE_MAXIMUM + PILED_UP_SECONDS * MESSAGES_PER_SECOND
    flow.ledger.check(duplicates_at_most=once * len(restarts))
    assert flow.check_wire()
    see_how_soon(flow, restarts, point, note)


@pytest.mark.timeout(1800)
def test_a_bridge_killed_between_the_acknowledgement_and_the_commit_loses_nothing(
    site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """Row 2: L O D W; no offset is committed above the lowest unacknowledged.

    A round takes as long as Kafka waits for a member that was killed (10 s), so the points are
    tried beside each other, each with a topic and a group of its own.
    """
    rounds = SOAK_ROUNDS if soak else SHORT_ROUNDS
    with ThreadPoolExecutor() as threads:
        tried = []
        for n, point in enumerate(OUTBOUND_POINTS):
            flow = Outbound(site, f"{unique}-{n}")
            config = site.config(flow)
            crashing = [make_bridge(config, crash_at=point, hit=h) for h in hits(point, rounds, 4)]
            bridges = [*crashing, make_bridge(config)]
            tried.append(threads.submit(killed_on_the_way_out, site, flow, point, bridges, note))
    for future in tried:
        future.result()
