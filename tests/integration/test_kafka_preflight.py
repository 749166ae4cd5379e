"""Each way in which Kafka can't be used is told apart, and says what to do about it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.flows.ports import RecordConsumer
from mqtt_kafka_bridge.kafka import open_consumer, open_producer, preflight
from tests.support.certificates import Authority
from tests.support.kafka import KafkaCluster
from tests.support.kafka_settings import KafkaSecurity
from tests.support.ports import free_port


def _config(servers: list[str], name: str = "tested", **kafka: Any) -> BridgeConfig:  # noqa: ANN401 - YAML
    return BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "tested",
            "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
            "kafka": {"bootstrapServers": servers, "consumer": {"groupPrefix": name}, **kafka},
            "kafkaToMqtt": [{"name": "m", "from": {"topics": [name]}, "to": {"topic": "t"}}],
        }
    )


def _login(folder: Path, user: str, password: str, kind: str = "scram-sha-512") -> dict[str, Any]:
    file = folder / f"{user}-password"
    file.write_text(f"{password}\n")
    return {"type": kind, "username": user, "passwordFile": str(file)}


def _trusting(authority: Authority) -> dict[str, Any]:
    return {"trustedCertificateFiles": [str(authority.certificate_file)]}


async def _refusal(config: BridgeConfig, kind: type[BridgeError] = MustFixError) -> BridgeError:
    with pytest.raises(kind) as caught:
        await preflight(config)
    assert caught.value.cure
    return caught.value


@pytest.mark.parametrize(
    ("kind", "user"),
    [("plain", "plain"), ("scram-sha-256", "scram256"), ("scram-sha-512", "scram512")],
)
async def test_the_right_password_is_let_in(
    secure_kafka: KafkaCluster, authority: Authority, tmp_path: Path, kind: str, user: str
) -> None:
    password = "plain-secret"  # noqa: S105 - the fixture's
    if kind != "plain":
        secure_kafka.admin.set_user(user, password, kind.upper())
    login = _login(tmp_path, user, password, kind)
    await preflight(
        _config(secure_kafka.sasl_bootstrap, tls=_trusting(authority), authentication=login)
    )


@pytest.mark.parametrize("kind", ["plain", "scram-sha-256", "scram-sha-512"])
async def test_a_wrong_password_is_told_and_not_shown(
    secure_kafka: KafkaCluster, authority: Authority, tmp_path: Path, kind: str
) -> None:
    login = _login(tmp_path, "plain", "wr0ng-secret", kind)
    error = await _refusal(
        _config(secure_kafka.sasl_bootstrap, tls=_trusting(authority), authentication=login)
    )
    assert error.reason is Reason.KAFKA_BAD_CREDENTIALS
    assert "wr0ng" not in f"{error.trouble}"


async def test_an_unreadable_password_file_is_told(kafka: KafkaCluster, tmp_path: Path) -> None:
    login = _login(tmp_path, "user", "secret")
    login["passwordFile"] = str(tmp_path / "nothing")
    error = await _refusal(_config(kafka.bootstrap, authentication=login))
    assert error.reason is Reason.SECRET_UNREADABLE


async def test_the_mechanisms_that_are_offered_are_named(
    tmp_path: Path, secure_kafka: KafkaCluster, authority: Authority
) -> None:
    login = _login(tmp_path, "plain", "plain-secret", "scram-sha-512")
    settings = {"listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256"}
    security = KafkaSecurity(authority.server("mechanisms"), {"plain": "plain-secret"})
    assert secure_kafka  # its authority and jars are there
    own = KafkaCluster(tmp_path / "kafka", security=security, settings=settings)
    own.up()
    try:
        error = await _refusal(
            _config(own.sasl_bootstrap, tls=_trusting(authority), authentication=login)
        )
    finally:
        own.kill()
    assert error.reason is Reason.KAFKA_MECHANISM_REFUSED
    assert "it offers PLAIN, SCRAM-SHA-256" in error.message
    assert "plain, scram-sha-256" in error.cure


async def test_a_login_where_none_is_asked_for_is_told(kafka: KafkaCluster, tmp_path: Path) -> None:
    error = await _refusal(_config(kafka.bootstrap, authentication=_login(tmp_path, "u", "p")))
    assert error.reason is Reason.KAFKA_MECHANISM_REFUSED
    assert "remove kafka.authentication" in error.cure


async def test_no_login_where_one_is_asked_for_is_told(
    secure_kafka: KafkaCluster, authority: Authority
) -> None:
    error = await _refusal(_config(secure_kafka.sasl_bootstrap, tls=_trusting(authority)))
    assert error.reason is Reason.KAFKA_BAD_CREDENTIALS
    assert "kafka.authentication" in error.cure


async def test_a_wrong_authority_is_told(
    secure_kafka: KafkaCluster, other_authority: Authority
) -> None:
    error = await _refusal(_config(secure_kafka.tls_bootstrap, tls=_trusting(other_authority)))
    assert error.reason is Reason.KAFKA_TLS_FAILED
    assert "not trusted" in error.message
    assert "trustedCertificateFiles" in error.cure


@asynccontextmanager
async def _showing(certificate: Path, key: Path) -> AsyncIterator[str]:
    """Serve a certificate; the handshake is as far as anybody gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context
    )
    async with server:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"


async def test_an_expired_certificate_is_told(authority: Authority) -> None:
    old = authority.server("old", expired=True)
    async with _showing(old.certificate_file, old.key_file) as server:
        error = await _refusal(_config([server], tls=_trusting(authority)))
    assert error.reason is Reason.KAFKA_TLS_FAILED
    assert "expired" in error.message


async def test_a_certificate_for_another_name_is_told_and_server_name_cures_it(
    authority: Authority,
) -> None:
    other = authority.server("other", names=("elsewhere.example",))
    async with _showing(other.certificate_file, other.key_file) as server:
        error = await _refusal(_config([server], tls=_trusting(authority)))
        assert error.reason is Reason.KAFKA_TLS_FAILED
        assert "another name" in error.message
        assert "serverName" in error.cure
        tls = {**_trusting(authority), "serverName": "elsewhere.example"}
        past = await _refusal(_config([server], tls=tls), PassingError)
    assert past.reason is Reason.KAFKA_UNREACHABLE, "it hangs up, but after the handshake"


async def test_plaintext_to_a_tls_port_is_told(secure_kafka: KafkaCluster) -> None:
    error = await _refusal(_config(secure_kafka.tls_bootstrap))
    assert error.reason is Reason.KAFKA_TLS_FAILED
    assert "speaks TLS" in error.message
    assert "set kafka.tls" in error.cure


async def test_tls_to_a_plaintext_port_is_told(kafka: KafkaCluster, authority: Authority) -> None:
    error = await _refusal(_config(kafka.bootstrap, tls=_trusting(authority)))
    assert error.reason is Reason.KAFKA_TLS_FAILED
    assert "speaks plaintext" in error.message


async def test_an_address_where_nobody_listens_is_named() -> None:
    servers = [f"127.0.0.1:{free_port()}", "no-such-host.invalid:9092"]
    error = await _refusal(_config(servers), PassingError)
    assert error.reason is Reason.KAFKA_UNREACHABLE
    assert f"{servers[0]} can't be reached: nobody listens there" in error.message
    assert f"{servers[1]} can't be reached: the name can't be resolved" in error.message


async def test_a_server_that_says_nothing_is_given_up(kafka: KafkaCluster) -> None:
    kafka.freeze()
    try:
        error = await _refusal(_config(kafka.bootstrap), PassingError)
    finally:
        kafka.thaw()
    assert "no answer within 5 s" in error.message


async def test_one_server_of_several_is_enough(kafka: KafkaCluster) -> None:
    await preflight(_config([f"127.0.0.1:{free_port()}", *kafka.bootstrap]))


class _Deaf:
    async def revoking(self, partitions: object) -> None: ...

    def assigned(self, partitions: object) -> None: ...


async def test_missing_rights_are_named_before_anything_is_sent_or_read(
    secure_kafka: KafkaCluster, authority: Authority, tmp_path: Path, unique: str
) -> None:
    admin, user, password = secure_kafka.admin, unique, "some-secret"
    admin.set_user(user, password)
    admin.create_topic(unique)
    config = _config(
        secure_kafka.sasl_bootstrap,
        unique,
        tls=_trusting(authority),
        authentication=_login(tmp_path, user, password),
    )
    with pytest.raises(MustFixError, match=f"User:{user} may not write to any") as writing:
        await open_producer(config, "m", "pod")
    assert writing.value.reason is Reason.TOPIC_FORBIDDEN
    admin.allow(user, "topic", f"{unique}-other", "write")
    producer = await open_producer(config, "m", "pod")
    with pytest.raises(MustFixError, match="missing or forbidden") as nothing:
        await producer.topic(unique)
    assert nothing.value.reason is Reason.TOPIC_FORBIDDEN
    assert f"--allow-principal User:{user} --operation Write" in nothing.value.cure
    with pytest.raises(MustFixError) as creating:
        await producer.create_topic(f"{unique}-new")
    assert creating.value.reason is Reason.TOPIC_FORBIDDEN
    admin.allow(user, "topic", unique, "read", "describe")
    with pytest.raises(MustFixError, match=rf"forbidden for User:{user} \(Write\)"):
        await producer.topic(unique)
    admin.allow(user, "topic", unique, "write")
    topic = await producer.topic(unique)
    assert topic.min_insync_replicas is None, "DescribeConfigs is a right of its own"
    assert topic.max_record_bytes == config.kafka.producer.max_request_bytes
    batch = producer.new_batch(1000)
    batch.append(timestamp=1, key=b"k", value=b"v", headers=[])
    await (await producer.send(batch, unique, 0))

    with pytest.raises(MustFixError) as joining:
        await open_consumer(config, config.kafka_to_mqtt[0], "pod", _Deaf())
    assert joining.value.reason is Reason.GROUP_FORBIDDEN
    assert f"--operation Read --group {unique}.m" in joining.value.cure

    admin.allow(user, "group", f"{unique}.m", "read")
    consumer = await open_consumer(config, config.kafka_to_mqtt[0], "pod", _Deaf())
    await consumer.fetch(10, 0.5)
    admin.revoke(user)
    batch = producer.new_batch(1000)
    batch.append(timestamp=1, key=b"k", value=b"v", headers=[])
    refused = await producer.send(batch, unique, 0)
    await asyncio.wait({refused})
    error = refused.exception()
    assert isinstance(error, MustFixError)
    assert error.reason is Reason.TOPIC_FORBIDDEN
    assert unique in error.message
    with pytest.raises(MustFixError) as reading:
        async with asyncio.timeout(20):
            await _until_it_fails(consumer)
    assert reading.value.reason in {Reason.TOPIC_FORBIDDEN, Reason.GROUP_FORBIDDEN}
    await consumer.close()
    await producer.abandon()


async def _until_it_fails(consumer: RecordConsumer) -> None:
    while True:
        await consumer.fetch(10, 0.2)
