"""TLS, proxies and the wire check, with real brokers behind them."""

import ssl
import time
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.support.background import Background
from tests.support.certificates import Authority
from tests.support.kafka import KafkaCluster
from tests.support.kafka_source import KafkaSource
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_client import MqttClient
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource
from tests.support.numbered import Numbered
from tests.support.proxy import Proxy
from tests.support.waiting import eventually
from tests.support.wire import (
    acknowledgements,
    check_commits_follow_pubacks,
    check_pubacks_follow_produce_responses,
    commits,
    stored_at,
)

MakeMosquitto = Callable[..., Mosquitto]


def connects(background: Background, url: str, authority: Authority) -> bool:
    """Tell whether a TLS client that trusts this authority comes through."""
    context = ssl.create_default_context(cafile=str(authority.certificate_file))
    client = MqttClient(url, "client", context=context)
    try:
        background.enter(client)
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_tls_is_for_those_who_trust_the_authority(
    make_mosquitto: MakeMosquitto,
    background: Background,
    authority: Authority,
    other_authority: Authority,
) -> None:
    """And for nobody once the certificate has expired."""
    good = make_mosquitto(certificate=authority.server())
    assert connects(background, good.tls_url, authority)
    assert not connects(background, good.tls_url, other_authority)
    expired = make_mosquitto(certificate=authority.server("expired", expired=True))
    assert not connects(background, expired.tls_url, authority)


def test_a_cut_network_loses_nothing(mosquitto: Mosquitto, background: Background) -> None:
    """Source and sink come back through the proxy by themselves."""
    proxy = background.enter(Proxy(mosquitto.port, record=True))
    ledger = Ledger()
    background.enter(MqttSink(mosquitto.url, "plant/#", ledger))
    source = background.enter(
        MqttSource(f"mqtt://127.0.0.1:{proxy.port}", "plant/{key}", ledger, window=50)
    )
    flow = background.begin(source.publish(1000, per_second=2000))
    background.run(proxy.cut())
    flow.result(30)
    background.run(source.settled())
    ledger.await_complete(20)
    assert ledger.missing() == []
    assert source.connections == 2
    assert len(acknowledgements(proxy.chunks, by_server=True)) >= 950


def test_the_wire_check_reads_what_a_kafka_client_sends(
    proxied_kafka: KafkaCluster, mosquitto: Mosquitto, background: Background, unique: str
) -> None:
    """It sees each record stored, each commit, and a bridge that acknowledges too early."""
    proxied_kafka.admin.create_topic(unique)
    ((port, target),) = proxied_kafka.proxy_ports
    to_kafka = background.enter(Proxy(target, port, record=True))
    messages = [Numbered("a", n) for n in range(10)]
    background.run(produce(proxied_kafka, unique, messages))
    stored = stored_at(to_kafka.chunks)
    assert list(stored) == messages

    to_mqtt = background.enter(Proxy(mosquitto.port, record=True))
    background.enter(MqttSink(f"mqtt://127.0.0.1:{to_mqtt.port}", "plant/#"))
    source = background.enter(MqttSource(mosquitto.url, "plant/{key}", Ledger(), keys=["a"]))
    chunks = to_mqtt.chunks
    background.run(source.publish(10))
    eventually(lambda: len(acknowledgements(chunks, by_server=False)) == 10, 10)
    assert len(check_pubacks_follow_produce_responses(chunks, to_kafka.chunks)) == 10
    background.run(source.publish(1))
    eventually(lambda: len(acknowledgements(chunks, by_server=False)) == 11, 10)
    with pytest.raises(AssertionError, match="W: 1 acknowledged before they were stored"):
        check_pubacks_follow_produce_responses(chunks, to_kafka.chunks)


async def produce(kafka: KafkaCluster, topic: str, messages: list[Numbered]) -> None:
    """Write records as the bridge's client does: compressed, in one batch, through the proxy."""
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.proxied_bootstrap, enable_idempotence=True, compression_type="zstd"
    ) as producer:
        for message in messages:
            await producer.send(topic, message.payload(), key=b"a")
        await producer.flush()


def test_the_wire_check_sees_a_commit_that_comes_too_early(
    proxied_kafka: KafkaCluster, mosquitto: Mosquitto, background: Background, unique: str
) -> None:
    """The offset after record 4 is fine once 0 to 4 are acknowledged; the one after 5 is not."""
    proxied_kafka.admin.create_topic(unique)
    records = KafkaSource(proxied_kafka.bootstrap, unique, Ledger(), keys=["a"])
    records.produce(10)
    records.settled()
    ((port, target),) = proxied_kafka.proxy_ports
    to_kafka = background.enter(Proxy(target, port, record=True))
    to_mqtt = background.enter(Proxy(mosquitto.port, record=True))
    source = MqttSource(f"mqtt://127.0.0.1:{to_mqtt.port}", "plant/{key}", Ledger(), keys=["a"])
    background.enter(MqttSink(mosquitto.url, "plant/#"))
    background.enter(source)
    background.run(source.publish(5))
    background.run(source.settled())
    began = time.monotonic()
    assert len(acknowledgements(to_mqtt.chunks, by_server=True)) == 5
    background.run(commit(proxied_kafka, unique, 5))
    (found,) = check_commits_follow_pubacks(to_kafka.chunks, to_mqtt.chunks, unique, records.stored)
    assert (found.partition, found.offset) == (0, 5)
    assert found.at > began
    background.run(commit(proxied_kafka, unique, 6))
    assert len(commits(to_kafka.chunks)) == 2
    with pytest.raises(AssertionError, match=r"W: .*offset=6.* came before"):
        check_commits_follow_pubacks(to_kafka.chunks, to_mqtt.chunks, unique, records.stored)


async def commit(kafka: KafkaCluster, topic: str, offset: int) -> None:
    """Commit a position as the bridge's client does."""
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.proxied_bootstrap,
        group_id=topic,
        enable_auto_commit=False,
    ) as consumer:
        await consumer.commit({TopicPartition(topic, 0): offset})
