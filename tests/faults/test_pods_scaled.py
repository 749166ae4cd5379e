"""Row 17: pods 1 -> 3 -> 1 under load, in good order, and then with one of them killed."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import pytest

from tests.support.bridge import Bridge
from tests.support.plant import MESSAGES_PER_SECOND, Plant, Span
from tests.support.pod_flows import repeated
from tests.support.pods import NAMES, of_pod
from tests.support.site import BROKERS, RECEIVE_MAXIMUM, Site, load
from tests.support.terms import Term, check_hand_overs, moved

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
MOVED_SECONDS = 2.0
SESSION_TIMEOUT_SECONDS = 10.0
CRASHED_SECONDS = SESSION_TIMEOUT_SECONDS + 5
SOAK_LIMIT, SHORT_LIMIT = MOVED_SECONDS, SESSION_TIMEOUT_SECONDS
"""The short form has to share its two cores with other tests, and whole seconds pass in between;
but nothing may wait for the session time-out."""
UNOWNED_SECONDS = SESSION_TIMEOUT_SECONDS + 10
SOAK_ROUNDS, SHORT_ROUNDS = 10, 1


def in_good_order(plant: Plant) -> list[Span]:
    """Let two pods come, then the first one and another one go; see that nothing is repeated."""
    pods = plant.pods
    spans = [
        plant.change(lambda: pods.up("pod-1", "pod-2")),
        plant.change(lambda: stop(plant, "pod-0")),
        plant.change(lambda: stop(plant, "pod-1")),
    ]
    again = {flow.called: repeated(plant.records(flow)) for flow in plant.inbound}
    assert not any(again.values()), f"repeated by moves in good order: {again}"
    assert plant.outbound.ledger.duplicates() == 0, plant.outbound.ledger.duplicates()
    return spans


def stop(plant: Plant, pod: str) -> None:
    """Stop a pod in order while much is under way."""
    plant.burst()
    plant.pods.stop(pod)


def killed(plant: Plant) -> tuple[float, str, Sequence[str]]:
    """Let two pods come, kill the one with most sessions, stop another one.

    Returns:
        When one was killed, which, and which sessions it had.
    """
    pods = plant.pods
    plant.change(lambda: pods.up(*(pod for pod in NAMES if pod not in pods.running)))
    owners = pods.await_shared()
    victim = max(NAMES, key=lambda pod: len(of_pod(owners, pod)))
    at = time.time()
    plant.change(pods[victim].kill)
    plant.change(lambda: stop(plant, pods.running[0]))
    return at, victim, of_pod(owners, victim)


def see_handed_over(
    plant: Plant, found: dict[str, list[Term]], spans: Sequence[Span], limit: float, note: Note
) -> None:
    """Check how soon what moved in good order flowed again: half of it soon, all by the limit."""
    silent = [
        silence
        for span in spans
        for silence in plant.silences(plant.flows_of(moved(found, *span)), span).values()
    ]
    note("silent at a move, median (s)", median(silent))
    note("silent at a move, longest (s)", max(silent))
    assert median(silent) <= MOVED_SECONDS, silent
    assert max(silent) <= limit, silent


def see_taken_over(
    plant: Plant, found: dict[str, list[Term]], at: float, lost: Sequence[str], note: Note
) -> None:
    """Check how soon others had what a killed pod had, and forwarded."""
    owned = {
        client_id: next(term.since for term in found[client_id] if term.since > at) - at
        for client_id in lost
    }
    note("claimed after a kill (s)", max(owned.values()))
    silent = plant.silences(plant.flows_of(lost), Span(at, at + CRASHED_SECONDS))
    note("silent after a kill (s)", max(silent.values()))
    assert max(owned.values()) <= UNOWNED_SECONDS, owned
    assert max(silent.values()) <= CRASHED_SECONDS, silent


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("either_site", BROKERS, indirect=True)
def test_pods_come_and_go_and_nothing_is_lost(
    either_site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """L O W, D = 0 for moves in good order; and after a kill, within the session time-out + 5 s."""
    plant = Plant(either_site, unique, make_bridge)
    plant.pods.up("pod-0")
    plant.pods.await_shared()
    with load(either_site.background, MESSAGES_PER_SECOND, plant.outbound, *plant.inbound):
        plant.see_flow()
        spans = in_good_order(plant)
        kills = [killed(plant) for _ in range(SOAK_ROUNDS if soak else SHORT_ROUNDS)]
    at_most = RECEIVE_MAXIMUM * len(kills)
    plant.check(inbound_at_most=at_most, outbound_at_most=at_most)
    assert plant.inbound[0].check_wire()
    assert plant.outbound.check_wire()
    note("duplicates in after a kill", sum(f.ledger.duplicates() for f in plant.inbound))
    note("duplicates out after a kill", plant.outbound.ledger.duplicates())

    found = plant.terms()
    see_handed_over(plant, found, spans, SOAK_LIMIT if soak else SHORT_LIMIT, note)
    gaps = check_hand_overs(found, crashed=[victim for _, victim, _ in kills])
    note("nobody's at a hand-over (s)", max(gaps))
    for at, _, lost in kills:
        see_taken_over(plant, found, at, lost, note)
