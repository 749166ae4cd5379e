"""Rows 4 and 5: the MQTT broker restarts, with its sessions and without them."""

import time
from collections.abc import Callable

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from tests.support.bridge import Bridge
from tests.support.ledger import Ledger
from tests.support.mqtt_source import MqttSource
from tests.support.site import RECEIVE_MAXIMUM, Inbound, Outbound, Site, delays, load, news_since
from tests.support.waiting import eventually
from tests.support.wire import unacknowledged

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
MESSAGES_PER_SECOND = 500
RESUMED_SECONDS = 10
SOAK_ROUNDS, SHORT_ROUNDS = 20, 2


def see_flow(outbound: Outbound) -> None:
    """Wait until some records more have come out."""
    before = outbound.ledger.held_count
    eventually(lambda: outbound.ledger.held_count > before + 200, 20, what="load")


@pytest.mark.timeout(1800)
def test_a_broker_that_keeps_sessions_restarts_and_nothing_is_lost(
    site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """Row 4: L O D W, and both directions flow within 10 s of the port's opening."""
    inbound, outbound = Inbound(site, unique), Outbound(site, unique)
    bridge = make_bridge(site.config(inbound, outbound))
    bridge.up()
    rounds = SOAK_ROUNDS if soak else SHORT_ROUNDS
    opened = []
    with load(site.background, MESSAGES_PER_SECOND, inbound, outbound):
        for _ in range(rounds):
            see_flow(outbound)
            site.mosquitto.restart()
            opened.append(time.monotonic())
            news_since(inbound, opened[-1], RESUMED_SECONDS)
            news_since(outbound, opened[-1], RESUMED_SECONDS)
    inbound.complete()
    outbound.complete()
    inbound.ledger.check(duplicates_at_most=RECEIVE_MAXIMUM * rounds)
    outbound.ledger.check(duplicates_at_most=RECEIVE_MAXIMUM * rounds)
    assert inbound.check_wire()
    assert outbound.check_wire()
    resumed = delays(inbound, opened) + delays(outbound, opened)
    note("resumed (s)", max(resumed))
    note("duplicates in", inbound.ledger.duplicates())
    note("duplicates out", outbound.ledger.duplicates())
    assert max(resumed) <= RESUMED_SECONDS, resumed
    assert bridge.mapping("telemetry").counts.sessions_lost == 0


def test_a_broker_that_forgets_sessions_is_subscribed_to_again_and_told_nothing_stale(
    site: Site, unique: str, make_bridge: MakeBridge
) -> None:
    """Row 5: while Kafka stalls, so that messages of the old session are unacknowledged.

    Those that come by the new session have the same packet ids. Each is acknowledged for itself.
    """
    flow = Inbound(site, unique)
    bridge = make_bridge(site.config(flow))
    bridge.up()
    chunks = site.mqtt_proxy.chunks
    site.kafka_proxy.weather.stalled = True
    site.background.run(flow.source.publish(200))
    eventually(lambda: unacknowledged(chunks) == 200, 10, what="all with the bridge")
    site.mosquitto.terminate()
    site.mosquitto.forget_sessions()
    site.mosquitto.up()
    bridge.await_status(lambda s: s.ready, 10, what="connected again")
    later = Ledger()
    newer = MqttSource(site.mosquitto.url, f"{unique}/{{key}}", later, keys=["newer"])
    site.background.enter(newer)
    site.background.run(newer.publish(100))
    eventually(lambda: unacknowledged(chunks) == 100, 10, what="all with the bridge")
    site.kafka_proxy.weather.stalled = False
    site.background.run(newer.settled())
    eventually(lambda: unacknowledged(chunks) == 0, 10, what="all acknowledged")

    mapping = bridge.mapping("telemetry")
    assert mapping.counts.sessions_lost == 1
    assert bridge.metrics().total("mqttkafka_sessions_lost_total", mapping="telemetry") == 1
    assert Reason.SESSION_LOST in {risk.reason for risk in mapping.risks}
    assert bridge.session("telemetry").session_present is False
    records = flow.complete()
    assert len([r for r in records if r.key == b"newer"]) == 100
    acknowledged = flow.check_wire()
    assert [a.message.key for a in acknowledged] == ["newer"] * 100
    flow.ledger.check(duplicates_at_most=0)
