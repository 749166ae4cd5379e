"""Rows 1 and 2: kill -9 at each crash point, again and again, while both sources go on."""

import random
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.bridge import Bridge
from tests.support.site import RECEIVE_MAXIMUM, Flow, Inbound, Outbound, Site, load
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
INBOUND_POINTS = ("after_produce_before_puback", "after_puback")
OUTBOUND_POINTS = ("after_puback_before_commit", "after_commit")
MESSAGES_PER_SECOND = 400
NEWS_SECONDS = 15
"""From a restart to the first new message on the other side."""
SOAK_ROUNDS, SHORT_ROUNDS = 50, 2


def hits(point: str, rounds: int, highest: int) -> list[int]:
    """Return, for each round, upon which time at the crash point it kills itself."""
    dice = random.Random(point)
    return [1, *(dice.randint(2, highest) for _ in range(rounds - 1))]


def one_after_the_other(bridges: Sequence[Bridge]) -> list[float]:
    """Start each bridge when the one before it has killed itself; return when that was."""
    restarts = []
    for bridge, following in zip(bridges, bridges[1:], strict=False):
        if not restarts and not bridge.running and bridge.exit_code is None:
            bridge.launch()
        eventually(
            lambda dying=bridge: not dying.running,  # type: ignore[misc] # the default binds it
            30,
            what=lambda dying=bridge: f"the crash; {dying.log_tail()}",  # type: ignore[misc]
        )
        assert bridge.exit_code == -signal.SIGKILL, bridge.log_tail()
        following.launch()
        restarts.append(time.monotonic())
    return restarts


def see_how_soon(flow: Flow, restarts: Sequence[float], point: str, note: Note) -> None:
    """Check how long it took from each restart to the first new message on the other side."""
    delays = [flow.news_since(at) - at for at in restarts]
    note(f"{point}: first new one (s)", max(delays))
    note("duplicates", flow.ledger.duplicates())
    assert max(delays) <= NEWS_SECONDS, delays


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
        flow.news_since(restarts[-1], NEWS_SECONDS)
    flow.complete()
    flow.ledger.check(duplicates_at_most=RECEIVE_MAXIMUM * rounds)
    assert flow.check_wire()
    see_how_soon(flow, restarts, point, note)


def killed_on_the_way_out(
    site: Site, name: str, point: str, make_bridge: MakeBridge, note: Note, rounds: int
) -> None:
    """Row 2 at one point, with a topic and a bridge of its own."""
    flow = Outbound(site, name)
    config = site.config(flow)
    crashing = [make_bridge(config, crash_at=point, hit=hit) for hit in hits(point, rounds, 4)]
    with load(site.background, MESSAGES_PER_SECOND, flow):
        restarts = one_after_the_other([*crashing, make_bridge(config)])
        flow.news_since(restarts[-1], NEWS_SECONDS)
    flow.complete()
    flow.ledger.check(duplicates_at_most=(RECEIVE_MAXIMUM + 2 * MESSAGES_PER_SECOND) * rounds)
    assert flow.check_wire()
    see_how_soon(flow, restarts, point, note)


@pytest.mark.timeout(1800)
def test_a_bridge_killed_between_the_acknowledgement_and_the_commit_loses_nothing(
    site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """Row 2: L O D W; no offset is committed above the lowest unacknowledged.

    A round takes as long as Kafka waits for a member that was killed (10 s), so the points are
    tried beside each other.
    """
    rounds = SOAK_ROUNDS if soak else SHORT_ROUNDS
    with ThreadPoolExecutor() as threads:
        tried = [
            threads.submit(
                killed_on_the_way_out, site, f"{unique}-{n}", point, make_bridge, note, rounds
            )
            for n, point in enumerate(OUTBOUND_POINTS)
        ]
    for future in tried:
        future.result()
