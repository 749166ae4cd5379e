"""Row 14: one record above the topic's max.message.bytes, in the middle of a batch."""

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.background import Background
from tests.support.bridge import Bridge
from tests.support.certificates import Authority
from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_publisher import Publisher
from tests.support.mqtt_source import MqttSource
from tests.support.scenario_checks import await_counts, check_ledger
from tests.support.scenario_config import inbound
from tests.support.site import RECEIVE_MAXIMUM, Inbound, Site
from tests.support.waiting import eventually
from tests.support.wire import unacknowledged

MakeBridge = Callable[..., Bridge]
LIMIT = 5000
LARGE = random.Random(14).randbytes(20_000)
"""It can't be compressed below the limit."""
AROUND = 150
FLOWS_SECONDS = 5


@pytest.mark.parametrize("when", ["before the start", "while it runs"])
def test_only_the_record_that_is_too_large_is_dead_lettered(
    when: str, site: Site, unique: str, make_bridge: MakeBridge, note: Callable[[str, float], None]
) -> None:
    """A limit is known before a record enters a batch; one that was lowered, only by a refusal.

    Kafka stalls until all messages wait, so that they make one batch, in one partition.
    """
    flow = Inbound(site, unique, partitions=1)
    lower = partial(site.kafka.admin.configure_topic, flow.topic, max_message_bytes=LIMIT)
    bridge = make_bridge(site.config(flow))
    if when == "before the start":
        lower()
    bridge.up()
    publisher = site.background.enter(Publisher(site.mosquitto.url))
    site.background.run(flow.source.publish(10))
    await_counts(bridge, "telemetry", forwarded=10, in_flight=0)
    if when == "while it runs":
        lower()
    site.kafka_proxy.weather.stalled = True
    site.background.run(flow.source.publish(AROUND))
    site.background.run(flow.source.settled())
    site.background.run(publisher.publish(f"{unique}/device-0", LARGE, 1))
    site.background.run(flow.source.publish(AROUND))
    chunks = site.mqtt_proxy.chunks
    eventually(lambda: unacknowledged(chunks) == 2 * AROUND + 1, 10, what="all with the bridge")
    site.kafka_proxy.weather.stalled = False
    began = time.monotonic()
    eventually(lambda: unacknowledged(chunks) == 0, 30, what="all acknowledged", every_seconds=0.1)
    took = time.monotonic() - began
    note("flows again after (s)", took)

    records = flow.complete()
    flow.ledger.check(duplicates_at_most=RECEIVE_MAXIMUM)
    note("duplicates", flow.ledger.duplicates())
    assert LARGE not in [record.value for record in records]
    with KafkaSink(site.kafka.bootstrap, f"mqttkafka.local.{unique}.dead-letters") as sink:
        letters = sink.read()
    assert {letter.value for letter in letters} == {LARGE}
    assert {letter.header("deadletter.reason") for letter in letters} == {b"RecordTooLarge"}
    await_counts(bridge, "telemetry", dead_lettered=1, forwarded=2 * AROUND + 10, in_flight=0)
    assert flow.check_wire()
    check_ledger(bridge)
    assert took <= FLOWS_SECONDS, took


def test_a_limit_that_may_not_be_read_is_found_out(
    secure_kafka: KafkaCluster,
    authority: Authority,
    mosquitto: Mosquitto,
    background: Background,
    make_bridge: MakeBridge,
    tmp_path: Path,
    unique: str,
) -> None:
    """Without the right DescribeConfigs batches get smaller until the one record stands alone.

    All messages wait for the bridge while it is away, so that they make one batch.
    """
    topic = secure_kafka.admin.create_topic(unique, config={"max.message.bytes": str(LIMIT)})
    secure_kafka.admin.set_user(unique, "secret")
    secure_kafka.admin.allow(unique, "topic", unique, "write", "describe")
    letters = f"mqttkafka.local.{unique}.dead-letters"
    secure_kafka.admin.allow(unique, "topic", letters, "create", "write", "describe")
    password = tmp_path / "password"
    password.write_text("secret")
    login = {"type": "scram-sha-512", "username": unique, "passwordFile": str(password)}
    bridge = make_bridge(
        {
            "mqtt": {"servers": [mosquitto.url]},
            "kafka": {
                "bootstrapServers": secure_kafka.sasl_bootstrap,
                "authentication": login,
                "tls": {"trustedCertificateFiles": [str(authority.certificate_file)]},
            },
            "mqttToKafka": [inbound("telemetry", f"{unique}/{{device}}", topic, key="{device}")],
        }
    )
    bridge.up()
    assert bridge.terminate() == 0
    ledger = Ledger()
    source = background.enter(MqttSource(mosquitto.url, f"{unique}/{{key}}", ledger))
    publisher = background.enter(Publisher(mosquitto.url))
    background.run(source.publish(AROUND))
    background.run(publisher.publish(f"{unique}/device-0", LARGE, 1))
    background.run(source.publish(AROUND))
    background.run(source.settled())
    bridge.up()
    began = time.monotonic()
    await_counts(bridge, "telemetry", dead_lettered=1, forwarded=2 * AROUND, in_flight=0)
    assert time.monotonic() - began <= FLOWS_SECONDS
    with KafkaSink(secure_kafka.bootstrap, topic, ledger) as sink:
        sink.read_until_complete(20)
    ledger.check(duplicates_at_most=2 * AROUND)
    with KafkaSink(secure_kafka.bootstrap, letters) as sink:
        assert [letter.value for letter in sink.read()] == [LARGE]
    assert bridge.terminate() == 0
    secure_kafka.admin.revoke(unique)
