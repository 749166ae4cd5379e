"""Row 18: a pod is stopped where it stands (SIGSTOP), others take over, and it wakes up again."""

import time
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.support.bridge import Bridge
from tests.support.plant import MESSAGES_PER_SECOND, Plant, Span
from tests.support.pod_wire import MemberCommit, connects, member_commits
from tests.support.pods import NAMES, of_pod
from tests.support.proxy import Chunk, Proxy
from tests.support.site import BROKERS, RECEIVE_MAXIMUM, Site, load
from tests.support.terms import Term, check_hand_overs
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
SOAK_SECONDS, SHORT_SECONDS = 60.0, 20.0
TAKEN_OVER_SECONDS = 15.0
_MOMENT_SECONDS = 0.01
"""A claim's time is taken before it is stored, the CONNECT's after that."""


def freeze(plant: Plant, seconds: float) -> tuple[str, Sequence[str], Span]:
    """Freeze the pod with most sessions; see others take over; thaw it when the time is over.

    Returns:
        Which pod, which sessions it had, and from when to when.
    """
    pods = plant.pods
    owners = pods.await_shared()
    pod = max(NAMES, key=lambda name: len(of_pod(owners, name)))
    since = time.time()
    pods.freeze(pod)
    pods.await_shared(TAKEN_OVER_SECONDS)
    plant.see_flow()
    eventually(lambda: time.time() - since >= seconds, seconds, what="frozen for so long")
    until = time.time()
    pods.thaw(pod)
    return pod, of_pod(owners, pod), Span(since, until)


def see_that_all_connected_as_owners(
    terms: Mapping[str, Sequence[Term]], recordings: Mapping[str, Sequence[Chunk]]
) -> None:
    """Check that pods connected with a session's client id in their own terms only, and once.

    Once: so a zombie that took a session over, if only for a moment, would show with the owner too.
    """
    of_term: dict[Term, int] = {}
    for pod, chunks in recordings.items():
        for at, client_id in connects(chunks):
            own = [term for term in terms.get(client_id, []) if term.since <= at + _MOMENT_SECONDS]
            if client_id in terms:
                assert own, f"{pod} connected as {client_id} before anybody had claimed it"
                assert own[-1].pod == pod, f"{pod} connected as {client_id} at {at}: {own[-1]}"
                of_term[own[-1]] = of_term.get(own[-1], 0) + 1
    assert {term.client_id for term in of_term} == terms.keys(), "a CONNECT was not recorded"
    again = {term: count for term, count in of_term.items() if count > 1}
    assert not again, f"connected again in the same term: {again}"


def late_commits(chunks: Sequence[Chunk], pod: str, frozen: Span) -> list[MemberCommit]:
    """Return the commits that a pod sent after it was thawed, as who it was before."""
    to_time_of_day = time.time() - time.monotonic()
    own = [c for c in member_commits(chunks) if pod in c.member]
    before = {c.member for c in own if c.at + to_time_of_day < frozen.since}
    return [c for c in own if c.at + to_time_of_day >= frozen.until and c.member in before]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("either_site", BROKERS, indirect=True)
def test_a_frozen_pod_that_wakes_up_disturbs_nobody(
    either_site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """L O D; its commits are refused, it does not connect again, the owners go on."""
    proxies = {
        pod: either_site.background.enter(Proxy(either_site.mosquitto.port, record=True))
        for pod in NAMES
    }
    servers = {pod: f"mqtt://127.0.0.1:{proxy.port}" for pod, proxy in proxies.items()}
    plant = Plant(either_site, unique, make_bridge, servers)
    plant.pods.up(*NAMES)
    plant.pods.await_shared()
    with load(either_site.background, MESSAGES_PER_SECOND, plant.outbound, *plant.inbound):
        plant.see_flow()
        pod, lost, span = freeze(plant, SOAK_SECONDS if soak else SHORT_SECONDS)
        plant.pods.await_shared()
        plant.see_flow()
    plant.check(inbound_at_most=RECEIVE_MAXIMUM, outbound_at_most=2 * RECEIVE_MAXIMUM)
    note("duplicates in", sum(flow.ledger.duplicates() for flow in plant.inbound))
    note("duplicates out", plant.outbound.ledger.duplicates())

    terms = plant.terms()
    check_hand_overs(terms, crashed=[pod])
    see_that_all_connected_as_owners(terms, {name: p.chunks for name, p in proxies.items()})
    late = late_commits(either_site.kafka_proxy.chunks, pod, span)
    note("commits refused", len(late))
    assert all(0 not in commit.errors for commit in late), late
    silent = plant.silences(plant.flows_of(lost), span)
    note("silent while frozen (s)", max(silent.values()))
    assert max(silent.values()) <= TAKEN_OVER_SECONDS, silent
