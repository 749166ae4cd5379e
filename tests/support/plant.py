"""A plant: one bridge of three pods with mappings of both orderings and of both directions."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tests.support.bridge import Bridge
from tests.support.kafka_sink import KafkaSink, Record
from tests.support.pod_flows import Telemetry, longest_overtaken, longest_silence
from tests.support.pods import Pods
from tests.support.site import Outbound, Site
from tests.support.terms import Term, terms, words
from tests.support.waiting import eventually

MESSAGES_PER_SECOND = 60
"""Of each flow; so many must come for it to count as flowing."""
_MAPPINGS, _MEMBERS = 5, 3
_BURST = 1500
_FLOWING_SECONDS = 30


class Span(NamedTuple):
    """From when to when something changed, as time of day."""

    since: float
    until: float


class Plant:
    """Five mappings with a session each, one with a shared subscription of three, one outwards.

    Args:
        site: where.
        name: of the bridge.
        make_bridge: makes its pods.
        servers: the MQTT broker as each pod is to reach it, if not all by the same address.
    """

    def __init__(
        self,
        site: Site,
        name: str,
        make_bridge: Callable[..., Bridge],
        servers: Mapping[str, str] | None = None,
    ) -> None:
        self.site, self.name = site, name
        self.inbound = [Telemetry(site, name, f"line-{n}") for n in range(_MAPPINGS)]
        self.inbound.append(Telemetry(site, name, "any", members=_MEMBERS))
        self.outbound = Outbound(site, name)
        self.pods = Pods(make_bridge, site.config(self.outbound, *self.inbound), servers)

    def change(self, act: Callable[[], object]) -> Span:
        """Let pods come or go; wait until all sessions are shared out, and see messages flow."""
        since = time.time()
        act()
        self.pods.await_shared()
        span = Span(since, time.time())
        self.see_flow()
        return span

    def see_flow(self) -> None:
        """Wait until each flow has brought some messages more."""
        counts = [(flow.ledger, flow.ledger.safe_count) for flow in self.inbound]
        held = self.outbound.ledger.held_count + MESSAGES_PER_SECOND
        eventually(
            lambda: (
                self.outbound.ledger.held_count > held
                and all(ledger.safe_count > n + MESSAGES_PER_SECOND for ledger, n in counts)
            ),
            _FLOWING_SECONDS,
            what="load",
        )

    def burst(self) -> None:
        """Let every mapping from MQTT have plenty under way at this moment."""
        counts = [(flow.ledger, flow.ledger.safe_count) for flow in self.inbound]
        for flow in self.inbound:
            self.site.background.begin(flow.source.publish(_BURST))
        eventually(
            lambda: all(ledger.safe_count > n + _BURST / 10 for ledger, n in counts),
            _FLOWING_SECONDS,
            what="a burst",
            every_seconds=0.005,
        )

    def records(self, flow: Telemetry) -> list[Record]:
        """Return what a flow has brought so far."""
        with KafkaSink(self.site.kafka.bootstrap, flow.topic) as sink:
            return sink.read()

    def flows_of(self, client_ids: Iterable[str]) -> list[Telemetry]:
        """Return the flows that have these sessions."""
        return [f for f in self.inbound if any(f".{f.called}." in each for each in client_ids)]

    def silences(self, flows: Iterable[Telemetry], span: Span) -> dict[str, float]:
        """Return for how long each flow, or a member of it, brought nothing new at most."""
        return {
            flow.called: (longest_silence if flow.members is None else longest_overtaken)(
                self.records(flow), *span
            )
            for flow in flows
        }

    def terms(self) -> dict[str, list[Term]]:
        """Return who ran which session."""
        return terms(words(self.site.kafka, f"mqttkafka.local.{self.name}.sessions"))

    def check(self, *, inbound_at_most: int, outbound_at_most: int) -> None:
        """Wait until all has arrived; check L, O where order is asked for, and D.

        Args:
            inbound_at_most: duplicates of each session.
            outbound_at_most: duplicates of the mapping from Kafka.
        """
        for flow in self.inbound:
            flow.complete()
            assert not flow.source.refused, "the broker had no session for some"
            at_most = inbound_at_most * flow.sessions
            if flow.members is None:
                flow.ledger.check(duplicates_at_most=at_most)
            assert not flow.ledger.missing()
            assert flow.ledger.duplicates() <= at_most, flow.called
        self.outbound.complete()
        self.outbound.ledger.check(duplicates_at_most=outbound_at_most)
