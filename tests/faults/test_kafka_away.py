"""Row 8: Kafka is frozen, or gone, for a while; and at QoS 0 too the memory stays bounded."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.background import Background
from tests.support.bridge import Bridge
from tests.support.kafka import KafkaCluster
from tests.support.mosquitto import Mosquitto
from tests.support.progress import starting
from tests.support.site import RECEIVE_MAXIMUM, Inbound, Site, load, news_since
from tests.support.waiting import eventually, throughout
from tests.support.wire import acknowledgements, unacknowledged

MakeBridge = Callable[..., Bridge]
MakeMosquitto = Callable[..., Mosquitto]
Note = Callable[[str, float], None]
MESSAGES_PER_SECOND = 300
DRAINED_SECONDS = 60
SOAK_SECONDS, SHORT_SECONDS = 300.0, 30.0
LEAST_SECONDS = 3.0
"""For what must not happen, to happen."""
MIB = 1024 * 1024
MOST_MEMORY = 150 * MIB
QOS0_PAYLOAD, QOS0_MESSAGES = 2048, 60_000


@pytest.fixture
def kafkas(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[list[KafkaCluster]]:
    """Two brokers of the test's own: one to be frozen, one to be killed."""
    clusters = [KafkaCluster(tmp_path / f"kafka-{n}", proxied=True) for n in range(2)]
    with starting(pytestconfig, "Kafka (KRaft, 2 x 1 node)"):
        for cluster in clusters:
            cluster.up()
    yield clusters
    for cluster in clusters:
        cluster.kill()


def go_without(
    site: Site, flow: Inbound, bridge: Bridge, away: Callable[[], None], seconds: float
) -> float:
    """Take Kafka away under load; see that the bridge holds its window, and nothing else.

    Returns:
        When Kafka went, by `time.monotonic()`.
    """
    eventually(lambda: flow.ledger.safe_count > RECEIVE_MAXIMUM, 20, what="load")
    away()
    since = time.monotonic()
    chunks = site.mqtt_proxy.chunks
    eventually(lambda: unacknowledged(chunks) >= RECEIVE_MAXIMUM, 20, every_seconds=0.25)
    hold_on(site, bridge, seconds)
    return since


def hold_on(site: Site, bridge: Bridge, seconds: float) -> None:
    """See that for so long not one PUBACK leaves, not one more message comes, memory is bounded."""
    chunks = site.mqtt_proxy.chunks
    before = len(acknowledgements(chunks, by_server=False))

    def holds() -> bool:
        return (
            unacknowledged(chunks) == RECEIVE_MAXIMUM
            and len(acknowledgements(chunks, by_server=False)) == before
            and bridge.rss_bytes < MOST_MEMORY
        )

    throughout(
        holds,
        seconds,
        what=lambda: f"{unacknowledged(chunks)} unacknowledged, {bridge.rss_bytes} bytes",
        every_seconds=0.5,
    )
    assert site.mqtt_proxy.connections == 1, bridge.log_tail()


def drained(flow: Inbound, since: float) -> float:
    """Wait until nothing is missing; check L O D W; return how long after `since` that was."""
    flow.complete(DRAINED_SECONDS)
    took = time.monotonic() - since
    flow.ledger.check(duplicates_at_most=RECEIVE_MAXIMUM)
    assert flow.check_wire()
    assert took <= DRAINED_SECONDS, took
    return took


def frozen(site: Site, name: str, make_bridge: MakeBridge, seconds: float, note: Note) -> None:
    """QoS 1 and QoS 0 while Kafka is frozen: its connections stay open, nothing is answered."""
    flow = Inbound(site, name)
    bridge = make_bridge(site.config(flow))
    careless = Inbound(site, f"{name}-0", qos=0, payload_bytes=QOS0_PAYLOAD)
    config = site.config(careless)
    config["mqtt"]["servers"] = [site.mosquitto.url]
    config["kafka"]["bootstrapServers"] = site.kafka.bootstrap
    flooded = make_bridge(config)
    bridge.up()
    flooded.up()
    try:
        with load(site.background, MESSAGES_PER_SECOND, flow):
            since = go_without(site, flow, bridge, site.kafka.freeze, seconds / 3)
            site.background.run(careless.source.publish(QOS0_MESSAGES), 60)
            note("MiB at QoS 0 while frozen", see_that_it_reads_no_more(flooded) / MIB)
            hold_on(site, bridge, max(LEAST_SECONDS, since + seconds - time.monotonic()))
            thawed = time.monotonic()
            site.kafka.thaw()
            note("resumed after frozen (s)", news_since(flow, thawed, 30))
    finally:
        site.kafka.thaw()
    note("drained after frozen (s)", drained(flow, thawed))
    note("duplicates after frozen", flow.ledger.duplicates())
    note("MiB at QoS 1 after frozen", bridge.rss_bytes / MIB)
    forwarded(flooded)
    note("MiB at QoS 0 after frozen", flooded.rss_bytes / MIB)
    assert flooded.rss_bytes < MOST_MEMORY


def see_that_it_reads_no_more(bridge: Bridge) -> int:
    """See that a flood of QoS 0 waits at the broker; return the memory of the bridge."""

    def received() -> int:
        return bridge.mapping("telemetry").counts.received

    eventually(lambda: received() > 0, 20, what="the flood")
    last = [0, -1]

    def stands_still() -> bool:
        last[:] = [received(), last[0]]
        return last[0] == last[1]

    eventually(stands_still, 20, what="reading has stopped", every_seconds=1)
    assert received() < QOS0_MESSAGES
    throughout(
        lambda: bridge.rss_bytes < MOST_MEMORY and received() == last[0],
        LEAST_SECONDS,
        what=lambda: f"{bridge.rss_bytes} bytes, {received()} received",
    )
    return bridge.rss_bytes


def forwarded(bridge: Bridge) -> None:
    """Wait until all that it took is in Kafka."""
    bridge.await_status(
        lambda s: s.mappings[0].counts.in_flight == 0 and s.mappings[0].counts.forwarded > 0,
        DRAINED_SECONDS,
        what="the flood is forwarded",
    )


def down(site: Site, name: str, make_bridge: MakeBridge, seconds: float, note: Note) -> None:
    """QoS 1 while Kafka is gone: killed, its port closed."""
    flow = Inbound(site, name)
    bridge = make_bridge(site.config(flow))
    bridge.up()
    with load(site.background, MESSAGES_PER_SECOND, flow):
        go_without(site, flow, bridge, site.kafka.kill, seconds)
        site.kafka.up()
        returned = time.monotonic()
        note("resumed after down (s)", news_since(flow, returned, 30))
    note("drained after down (s)", drained(flow, returned))
    note("duplicates after down", flow.ledger.duplicates())
    assert not any(line.get("log.level") == "error" for line in bridge.log_lines())


@pytest.mark.timeout(1800)
def test_while_kafka_is_away_nothing_is_acknowledged_and_memory_is_bounded(
    kafkas: list[KafkaCluster],
    make_mosquitto: MakeMosquitto,
    background: Background,
    make_bridge: MakeBridge,
    unique: str,
    note: Note,
    *,
    soak: bool,
) -> None:
    """Unacknowledged = Receive Maximum, not one more; M; L O D W; drained within 60 s.

    Frozen and down take half a minute each, so one Kafka is frozen while the other one is down.
    """
    seconds = SOAK_SECONDS if soak else SHORT_SECONDS
    sites = [Site(make_mosquitto(), kafka, background) for kafka in kafkas]
    with ThreadPoolExecutor() as threads:
        tried = [
            threads.submit(work, site, f"{unique}-{work.__name__}", make_bridge, seconds, note)
            for work, site in zip((frozen, down), sites, strict=True)
        ]
    for future in tried:
        future.result()
