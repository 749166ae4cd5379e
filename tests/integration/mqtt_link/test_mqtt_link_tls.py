"""TLS to a real Mosquitto: whom a link trusts, and what it says when it does not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.mqtt.alike import Alike
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.mqtt.subscribing import Subscription
from tests.support.certificates import Authority, ServerCertificate
from tests.support.link_recorder import Recorder, keeping, link_to
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import eventually_async

MakeMosquitto = Callable[..., Mosquitto]
ALIKE = Alike(1, [], retain=False)


def trusting(*files: Path, name: str | None = None) -> dict[str, object]:
    return {"trustedCertificateFiles": list(map(str, files)), "serverName": name}


async def refusal(url: str, tls: dict[str, object]) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        await link_to(url, Recorder(), tls=tls)
    return caught.value


@pytest.fixture
def secure(make_mosquitto: MakeMosquitto, authority: Authority) -> Mosquitto:
    """A Mosquitto for `localhost` and 127.0.0.1."""
    return make_mosquitto(certificate=authority.server("mqtt-link"))


async def test_messages_of_all_sizes_pass_while_reading_is_held_and_spaced(
    secure: Mosquitto, authority: Authority
) -> None:
    """Bytes that the TLS layer holds are read when reading goes on, though the socket is quiet."""
    recorder = Recorder()
    options = Options(client_id="tls", keep_alive_seconds=1)
    tls = trusting(authority.certificate_file)
    link = await link_to(secure.tls_url, recorder, options, tls=tls)
    await link.connect(10)
    link.write(link.session.subscribe([Subscription("a", 1)]))
    await link.subscribed(10)
    link.gap_seconds = 0.002
    sizes = [0, 1, 16_000, 70_000, 300_000, 1_000_000, *range(100)]
    sender = await link_to(secure.url, Recorder(), Options(client_id="sender"))
    await sender.connect(10)
    pairs = [(b"\0\1a", bytes(size)) for size in sizes]
    link.hold("bytes")
    sender.write(sender.session.outgoing.publish_alike(ALIKE, pairs, 0, 1))
    await eventually_async(lambda: sender.session.outgoing.window == 65535, 10)
    assert recorder.payloads == []
    link.release("bytes")
    await recorder.await_payloads(len(sizes))
    assert list(map(len, recorder.payloads)) == sizes
    await sender.end()
    await link.end()
    assert recorder.losses == []


async def test_a_name_can_be_asked_for_that_is_not_the_hosts(
    make_mosquitto: MakeMosquitto, authority: Authority
) -> None:
    broker = make_mosquitto(certificate=authority.server("mqtt-sni", names=("broker.example",)))
    url = f"mqtts://127.0.0.1:{broker.tls_port}"
    tls = trusting(authority.certificate_file, name="broker.example")
    async with keeping(url, recorder := Recorder(), tls=tls):
        await recorder.await_ups()


@asynccontextmanager
async def tls_broker(certificate: ServerCertificate, asked: list[str | None]) -> AsyncIterator[int]:
    """Answer CONNECT over TLS, and note the names asked for by SNI; return the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    context.sni_callback = lambda _, name, __: asked.append(name)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(mqtt5.ConnAckPacket().write())
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_sni_carries_the_name(authority: Authority) -> None:
    """A proxy in front of many brokers picks the broker by it."""
    asked: list[str | None] = []
    certificate = authority.server("mqtt-asked", names=("broker.example",))
    async with tls_broker(certificate, asked) as port:
        tls = trusting(authority.certificate_file, name="broker.example")
        async with keeping(f"mqtts://127.0.0.1:{port}", recorder := Recorder(), tls=tls):
            await recorder.await_ups()
    assert asked == ["broker.example"]


async def test_an_unknown_authority_is_refused(
    secure: Mosquitto, other_authority: Authority
) -> None:
    error = await refusal(secure.tls_url, trusting(other_authority.certificate_file))
    assert isinstance(error, MustFixError)
    assert error.reason is Reason.MQTT_TLS_FAILED
    assert "unable to get local issuer certificate" in error.message
    assert "mqtt.tls.trustedCertificateFiles" in error.cure


async def test_the_systems_authorities_do_not_know_ours(secure: Mosquitto) -> None:
    assert (await refusal(secure.tls_url, {})).reason is Reason.MQTT_TLS_FAILED


async def test_an_expired_certificate_is_refused_by_its_date(
    make_mosquitto: MakeMosquitto, authority: Authority
) -> None:
    broker = make_mosquitto(certificate=authority.server("mqtt-expired", expired=True))
    error = await refusal(broker.tls_url, trusting(authority.certificate_file))
    assert isinstance(error, MustFixError)
    assert error.reason is Reason.MQTT_TLS_FAILED
    assert "expired" in error.message
    assert "dates" in error.cure


async def test_a_certificate_of_another_name_is_refused_with_both_names(
    make_mosquitto: MakeMosquitto, authority: Authority
) -> None:
    broker = make_mosquitto(certificate=authority.server("mqtt-other", names=("other.example",)))
    error = await refusal(broker.tls_url, trusting(authority.certificate_file))
    assert isinstance(error, MustFixError)
    assert error.reason is Reason.MQTT_TLS_FAILED
    assert "'localhost'" in error.message
    assert "serverName" in error.cure


async def test_a_server_without_tls_is_named_as_such(
    secure: Mosquitto, authority: Authority
) -> None:
    url = f"mqtts://localhost:{secure.port}"
    error = await refusal(url, trusting(authority.certificate_file))
    assert isinstance(error, PassingError)
    assert error.reason is Reason.MQTT_TLS_FAILED
    assert "use mqtt://" in error.cure


async def test_a_server_with_tls_that_is_asked_without_is_named_as_such(secure: Mosquitto) -> None:
    async with keeping(f"mqtt://localhost:{secure.tls_port}", recorder := Recorder()):
        error = await recorder.await_down()
    assert error.reason in {Reason.MQTT_PROTOCOL_ERROR, Reason.MQTT_DISCONNECTED}
    assert "mqtts://" in error.cure


async def test_an_unreadable_authority_is_told_before_anything_is_opened(
    secure: Mosquitto, tmp_path: Path
) -> None:
    error = await refusal(secure.tls_url, trusting(tmp_path / "missing.pem"))
    assert error.reason is Reason.SECRET_UNREADABLE


@pytest.mark.parametrize("name", [".example", "a..b"])
async def test_a_server_name_that_is_none_is_a_trouble_and_no_crash(
    secure: Mosquitto, authority: Authority, name: str
) -> None:
    error = await refusal(secure.tls_url, trusting(authority.certificate_file, name=name))
    assert isinstance(error, MustFixError)


async def test_renewed_authorities_are_read_at_the_next_connect(
    secure: Mosquitto, authority: Authority, other_authority: Authority, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(other_authority.certificate_file.read_bytes())
    async with keeping(secure.tls_url, recorder := Recorder(), tls=trusting(file)):
        await recorder.await_down()
        file.write_bytes(authority.certificate_file.read_bytes())
        await recorder.await_ups()
