"""Row 28: filter, QoS and members are edited, a mapping is removed and added back, under load."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.bridge import Bridge
from tests.support.pod_flows import Telemetry
from tests.support.pods import NAMES, Pods
from tests.support.session_probe import is_kept
from tests.support.site import Outbound, Site, load
from tests.support.terms import check_hand_overs, terms, words
from tests.support.waiting import eventually

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
MESSAGES_PER_SECOND = 60
OVERLAP_SECONDS = 10
"""In which both the old and the new session of a mapping get all messages, at most."""
ROLLED_SECONDS = 60


class Editions:
    """A bridge and its configuration, generation after generation.

    Args:
        site: where.
        name: of the bridge.
        make_bridge: makes its pods.
    """

    def __init__(self, site: Site, name: str, make_bridge: MakeBridge) -> None:
        self._site, self.name, self._generation = site, name, 1
        self.kept = Telemetry(site, name, "kept")
        self.filter = Telemetry(site, name, "filter")
        self.qos = Telemetry(site, name, "qos")
        self.qos.qos = 0
        self.members = Telemetry(site, name, "members", members=3)
        self.removed = Telemetry(site, name, "removed")
        self.outbound = Outbound(site, name)
        self.flows = [self.kept, self.filter, self.qos, self.members, self.removed]
        self.pods = Pods(make_bridge, self._config())

    def _config(self) -> dict[str, Any]:
        config = self._site.config(self.outbound, *self.flows)
        return {**config, "generation": self._generation}

    def roll(self) -> set[str]:
        """Bring this edition to the pods, one after the other; return its client ids."""
        self._generation += 1
        for pod in NAMES:
            self.pods.renew(pod, self._config())
        return {*self.pods.await_shared(ROLLED_SECONDS)}

    def first(self) -> None:
        """Edit all that can be edited, and remove a mapping."""
        self.filter.pattern, self.filter.key = f"{self.filter.name}/{{x...}}", "{x...}"
        self.qos.qos = 1
        self.members.members = 2
        self.flows.remove(self.removed)

    def second(self) -> None:
        """Take edits back."""
        self.filter.pattern, self.filter.key = f"{self.filter.name}/{{device}}", "{device}"
        self.members.members = 4
        self.flows.append(self.removed)


def await_successor(pods: Pods, mapping: str, old: set[str]) -> None:
    """Wait until a session of a mapping that is none of the old ones is subscribed."""
    eventually(
        lambda: any(
            session.mapping == mapping
            and session.client_id not in old
            and session.session_present is not None
            for _, session in pods.sessions()
        ),
        ROLLED_SECONDS,
        what=f"a new session of {mapping}",
        ignoring=(OSError,),
    )


def see_flow(flow: Telemetry) -> None:
    """Wait until the broker has taken some messages more for a mapping."""
    before = flow.ledger.safe_count
    eventually(lambda: flow.ledger.safe_count > before + MESSAGES_PER_SECOND, 20, what="load")


def see_gone(site: Site, client_ids: set[str]) -> None:
    """Check that the broker has no sessions of these names."""
    kept = {c for c in client_ids if site.background.run(is_kept(site.mosquitto.url, c))}
    assert not kept, f"still at the broker: {kept}"


@pytest.mark.timeout(600)
def test_edited_mappings_lose_nothing_and_leave_nothing_behind(
    either_site: Site, unique: str, make_bridge: MakeBridge, note: Note
) -> None:
    """L O; only edited mappings repeat anything; replaced sessions are gone from the broker.

    What comes by QoS 0 is lost while a pod restarts. So the mapping whose QoS is raised gets its
    messages from when its new session has subscribed.
    """
    editions = Editions(either_site, unique, make_bridge)
    pods, steady = editions.pods, [f for f in editions.flows if f is not editions.qos]
    pods.up(*NAMES)
    old = {*pods.await_shared()}
    with (
        ThreadPoolExecutor() as threads,
        load(either_site.background, MESSAGES_PER_SECOND, editions.outbound, *steady),
    ):
        editions.first()
        began = time.monotonic()
        rolling = threads.submit(editions.roll)
        await_successor(pods, "qos", old)
        with load(either_site.background, MESSAGES_PER_SECOND, editions.qos):
            new = rolling.result()
            note("rolled (s)", time.monotonic() - began)
            see_gone(either_site, old - new)
            assert editions.removed.source.refused, "nobody subscribes to what was removed"
            editions.second()
            newest = editions.roll()
            see_gone(either_site, (old | new) - newest)
            see_flow(editions.removed)
    see_all_arrived(editions, note)
    check_hand_overs(terms(words(either_site.kafka, f"mqttkafka.local.{unique}.sessions")))
    for pod in NAMES:
        pods.stop(pod)
    assert all(
        either_site.background.run(is_kept(either_site.mosquitto.url, each)) for each in newest
    )


def see_all_arrived(editions: Editions, note: Note) -> None:
    """Check L, O where order is asked for, and that only what was replaced was repeated."""
    overlap = MESSAGES_PER_SECOND * OVERLAP_SECONDS
    edited = {"filter": 2 * overlap, "qos": overlap}
    for flow in editions.flows:
        flow.complete()
        note(f"duplicates of {flow.called}", flow.ledger.duplicates())
    for flow in editions.flows:
        # A broker says of a message that it was for nobody: that is lost, too.
        assert flow is editions.removed or not flow.source.refused, flow.called
        at_most = edited.get(flow.called, 0)
        # What the old session missed at QoS 0, the new one brings after what the old one had.
        if flow.members is None and flow is not editions.qos:
            flow.ledger.check(duplicates_at_most=at_most)
        assert not flow.ledger.missing()
        assert flow.ledger.duplicates() <= at_most, flow.called
    editions.outbound.complete()
    editions.outbound.ledger.check(duplicates_at_most=0)
