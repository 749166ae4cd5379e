"""Row 3, the first half: SIGTERM under load."""

import time
from collections.abc import Callable

import pytest

from tests.support.bridge import Bridge
from tests.support.site import Inbound, Outbound, Site, load
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
MESSAGES_PER_SECOND = 1500
GRACE_SECONDS = 30
"""What Kubernetes gives a pod, and what the bridge's own deadline (20 s) keeps well within."""
SOAK_ROUNDS, SHORT_ROUNDS = 50, 3


def see_flow(inbound: Inbound, outbound: Outbound) -> None:
    """Wait until some messages more have gone each way."""
    acknowledged, held = inbound.ledger.safe_count, outbound.ledger.held_count
    eventually(
        lambda: (
            outbound.ledger.held_count > held + 500
            and inbound.ledger.safe_count > acknowledged + 500
        ),
        20,
        what="load in both directions",
    )


@pytest.mark.timeout(1800)
def test_a_bridge_that_is_stopped_under_load_loses_and_repeats_nothing(
    site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """L O, D = 0, W, exit 0: both directions, round after round."""
    inbound, outbound = Inbound(site, unique), Outbound(site, unique)
    bridge = make_bridge(site.config(inbound, outbound))
    bridge.up()
    took = []
    with load(site.background, MESSAGES_PER_SECOND, inbound, outbound):
        for _ in range(SOAK_ROUNDS if soak else SHORT_ROUNDS):
            see_flow(inbound, outbound)
            began = time.monotonic()
            assert bridge.terminate(GRACE_SECONDS) == 0, bridge.log_tail()
            took.append(time.monotonic() - began)
            bridge.up()
    inbound.complete()
    outbound.complete()
    inbound.ledger.check(duplicates_at_most=0)
    outbound.ledger.check(duplicates_at_most=0)
    assert inbound.check_wire()
    assert outbound.check_wire()
    note("slowest stop (s)", max(took))
    assert max(took) < GRACE_SECONDS, took
