"""The check W can fail: a true recording passes, and one that was doctored does not."""

from collections.abc import Callable, Iterable

import pytest

from tests.support.bridge import Bridge
from tests.support.proxy import Chunk
from tests.support.site import Inbound, Outbound, Site, load
from tests.support.waiting import eventually
from tests.support.wire import (
    check_commits_follow_pubacks,
    check_pubacks_answer_in_order,
    check_pubacks_follow_produce_responses,
)

MakeBridge = Callable[..., Bridge]
MESSAGES = 200


def earlier(chunks: Iterable[Chunk], *, to_server: bool) -> list[Chunk]:
    """Return a recording in which one side said everything a minute before it did."""
    return [c._replace(at=c.at - 60) if c.to_server is to_server else c for c in chunks]


def test_doctored_recordings_are_found_out(
    site: Site, unique: str, make_bridge: MakeBridge
) -> None:
    """Early PUBACKs, early commits, PUBACKs on another connection: each is seen."""
    inbound, outbound = Inbound(site, unique), Outbound(site, unique)
    make_bridge(site.config(inbound, outbound)).up()
    with load(site.background, MESSAGES, inbound, outbound):
        eventually(lambda: inbound.ledger.safe_count > MESSAGES, 10)
        eventually(lambda: outbound.ledger.held_count > MESSAGES, 10)
    inbound.complete()
    outbound.complete()
    mqtt, kafka = site.mqtt_proxy.chunks, site.kafka_proxy.chunks
    assert len(inbound.check_wire()) >= MESSAGES
    assert outbound.check_wire()

    with pytest.raises(AssertionError, match=r"W: .* acknowledged before they were stored"):
        check_pubacks_follow_produce_responses(earlier(mqtt, to_server=True), kafka)
    with pytest.raises(AssertionError, match=r"W: .* came before the PUBACKs"):
        check_commits_follow_pubacks(
            earlier(kafka, to_server=True), mqtt, outbound.topic, outbound.source.stored
        )
    stale = [c._replace(connection=c.connection + 1) if c.to_server else c for c in mqtt]
    with pytest.raises(AssertionError, match=r"W: .* PUBACK 1, due was None"):
        check_pubacks_answer_in_order(stale)
