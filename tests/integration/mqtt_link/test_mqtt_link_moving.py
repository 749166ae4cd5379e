"""What sessions that move need, on a real Mosquitto: to leave, to end, to mark, and to be let."""

import asyncio

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import LeaseRefusedError, PassingError
from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.reasons import SilentEndError
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.mqtt.subscribing import Subscription
from tests.conftest import MakeMosquitto
from tests.support.certificates import Authority
from tests.support.link_recorder import Recorder, keeping, link_to, serving
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import eventually_async

OPTIONS = Options(client_id="session", session_expiry_seconds=600)
MARKER = Subscription("mqttkafka/plant/marker/1a2b3c4d", 1, 2, optional=True)
SOURCE = Options(client_id="source", clean_start=True)


def message(topic: str, payload: bytes = b"") -> Publication:
    return Publication(topic, payload, retain=False, expiry_seconds=None, user_properties=[])


async def opened(
    url: str, recorder: Recorder, options: Options = OPTIONS, tls: object = None
) -> tuple[Link, Connected]:
    link = await link_to(url, recorder, options, tls=tls)
    return link, await link.connect(10)


async def subscribe(link: Link, *subscriptions: Subscription) -> tuple[int, ...]:
    link.write(link.session.subscribe(subscriptions))
    return (await link.subscribed(10)).granted_qos


async def publish(url: str, *messages: Publication) -> None:
    """Publish, and wait until the broker has it."""
    recorder = Recorder()
    link, _ = await opened(url, recorder, SOURCE)
    for number, each in enumerate(messages):
        link.write(link.session.outgoing.publish(each, number, 1))
    await eventually_async(lambda: recorder.acknowledged_count == len(messages), 10)
    await link.end()


# To leave


async def test_after_unsubscribe_nothing_comes_and_the_session_stays(mosquitto: Mosquitto) -> None:
    recorder = Recorder()
    link, _ = await opened(mosquitto.url, recorder)
    await subscribe(link, Subscription("a", 1), Subscription("b", 1))
    link.write(link.session.unsubscribe(["a", "never there"]))
    await link.unsubscribed(10)
    await publish(mosquitto.url, message("a", b"missed"), message("b", b"heard"))
    assert await recorder.await_payloads(1) == [b"heard"]
    await link.end()
    link, again = await opened(mosquitto.url, recorder)
    assert again.session_present
    await link.end()


# To end


@pytest.mark.parametrize("expiry_seconds", [None, 0])
@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
async def test_a_session_ends_with_its_connection_if_it_must_and_else_stays(
    make_mosquitto: MakeMosquitto, authority: Authority, expiry_seconds: int | None, *, secure: bool
) -> None:
    """And what was acknowledged with the last write arrived, over TLS too."""
    broker = make_mosquitto(certificate=authority.server("mqtt-moving"))
    tls = {"trustedCertificateFiles": [str(authority.certificate_file)]} if secure else None
    url = broker.tls_url if secure else broker.url
    recorder = Recorder(acknowledges=False)
    link, _ = await opened(url, recorder, tls=tls)
    await subscribe(link, Subscription("a", 1))
    await publish(broker.url, *[message("a", bytes(1000)) for _ in range(1000)])
    await recorder.await_payloads(1000)
    link.write(link.session.acknowledge(recorder.packet_ids))
    began = asyncio.get_running_loop().time()
    await link.end(expiry_seconds)
    assert asyncio.get_running_loop().time() - began < 1.5
    assert recorder.losses == []
    later = Recorder()
    link, again = await opened(url, later, tls=tls)
    assert again.session_present is (expiry_seconds is None)
    await subscribe(link, Subscription("a", 1))
    await publish(broker.url, message("a", b"new"))
    assert await later.await_payloads(1) == [b"new"]
    await link.end(0)


# To mark


class Marked(Recorder):
    """Keep what is said of publications."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Acknowledged] = []

    def acknowledged(self, event: Acknowledged) -> None:
        """Keep it."""
        self.answers.append(event)


async def test_a_marker_comes_behind_all_that_came_before_it(mosquitto: Mosquitto) -> None:
    old, new = Recorder(), Marked()
    old_link, _ = await opened(mosquitto.url, old)
    assert await subscribe(old_link, Subscription("a", 1), MARKER) == (1, 1)
    new_link, _ = await opened(mosquitto.url, new, Options(client_id="new"))
    await subscribe(new_link, Subscription("a", 1))
    await publish(mosquitto.url, *[message("a", b"%d" % n) for n in range(100)])
    new_link.write(new_link.session.outgoing.publish(message(MARKER.filter), 0, 1))
    await eventually_async(lambda: new.answers, 10)
    assert new.answers == [Acknowledged(1, [])]
    assert (await old.await_payloads(101))[-1] == b""
    await old_link.end(0)
    await new_link.end()
    assert len(new.payloads) == 100


async def test_without_the_right_to_the_marker_it_is_refused_and_no_rival_is_seen(
    make_mosquitto: MakeMosquitto,
) -> None:
    """Mosquitto 2.0.11 refuses a message by its PUBACK, and then closes the connection.

    The subscription it grants, and delivers nothing.
    """
    acl = "user plant\ntopic readwrite a\n"
    broker = make_mosquitto(users={"plant": "secret"}, acl=acl)
    login = Options(client_id="session", username="plant", password=b"secret")
    for _ in range(4):
        recorder = Marked()
        link, _ = await opened(broker.url, recorder, login)
        assert await subscribe(link, Subscription("a", 1), MARKER) == (1, 1)
        link.write(link.session.outgoing.publish(message(MARKER.filter), 7, 1))
        async with asyncio.timeout(10):
            error = await link.ended
        (answer,) = recorder.answers
        assert answer.refused == [(7, 0x87)]
        assert not isinstance(error, SilentEndError)


# To be let


@pytest.mark.parametrize("refusal", ["for now", "for good"])
async def test_who_may_not_connect_opens_no_connection(refusal: str) -> None:
    dialled: list[asyncio.StreamWriter] = []
    asked: list[str] = []

    async def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dialled.append(writer)
        writer.close()

    async def admit() -> None:
        asked.append(refusal)
        if refusal == "for good":
            raise LeaseRefusedError("another's")
        raise PassingError(Reason.KAFKA_UNREACHABLE, "no answer")

    recorder = Recorder()
    async with serving(note) as url, keeping(url, recorder, admit=admit) as task:
        await eventually_async(lambda: len(asked) == 3 or task.done(), 10)
    assert (dialled, recorder.links) == ([], [])
    if refusal == "for good":
        assert isinstance(task.exception(), LeaseRefusedError)
    else:
        assert {error.reason for error in recorder.downs} == {Reason.KAFKA_UNREACHABLE}


async def test_who_may_connect_is_asked_each_time(mosquitto: Mosquitto) -> None:
    asked: list[int] = []

    async def admit() -> None:
        await asyncio.sleep(0)
        asked.append(len(recorder.ups))

    recorder = Recorder("a")
    async with keeping(mosquitto.url, recorder, OPTIONS, admit=admit):
        await recorder.await_ups(1)
        await asyncio.to_thread(mosquitto.restart)
        await recorder.await_ups(2)
    assert set(asked) == {0, 1}
