"""Two clients with one client id on a real Mosquitto, and a Mosquitto that only restarts."""

import asyncio
import threading

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.mqtt.session import Options
from tests.conftest import MakeMosquitto
from tests.support.background import Background
from tests.support.certificates import Authority
from tests.support.ledger import Ledger
from tests.support.link_recorder import Recorder, keeping
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_source import MqttSource
from tests.support.waiting import eventually_async

OPTIONS = Options(client_id="same", session_expiry_seconds=600, receive_maximum=500)


def conflicts(*recorders: Recorder) -> int:
    return sum(e.reason is Reason.IDENTITY_CONFLICT for r in recorders for e in r.downs)


@pytest.mark.parametrize("loaded", [False, True], ids=["idle", "loaded"])
@pytest.mark.parametrize("secure", [False, True], ids=["tcp", "tls"])
async def test_two_that_end_each_other_notice_it_and_leave_each_other_in_peace(
    make_mosquitto: MakeMosquitto,
    authority: Authority,
    background: Background,
    *,
    secure: bool,
    loaded: bool,
) -> None:
    """Under load a take-over by Mosquitto 2.0.11 shows as a reset, otherwise as an end of file."""
    broker = make_mosquitto(certificate=authority.server("mqtt-rivals"))
    tls = {"trustedCertificateFiles": [str(authority.certificate_file)]} if secure else None
    url = broker.tls_url if secure else broker.url
    over = threading.Event()
    source = MqttSource(broker.url, "plant/{key}", Ledger(), window=500)
    await asyncio.to_thread(background.enter, source)
    publishing = background.begin(source.keep_publishing(5000 if loaded else 10, over.is_set))
    one, other = Recorder("plant/#"), Recorder("plant/#")
    async with keeping(url, one, OPTIONS, tls=tls), keeping(url, other, OPTIONS, tls=tls):
        await eventually_async(lambda: conflicts(one, other), 10)
        links = len(one.links) + len(other.links)
        assert links <= 8
        await asyncio.sleep(2)
        assert len(one.links) + len(other.links) <= links + 1
    over.set()
    await asyncio.wrap_future(publishing)


async def test_a_mosquitto_that_restarts_again_and_again_is_no_rival(mosquitto: Mosquitto) -> None:
    """It is away for less than a tenth of a second."""
    recorder = Recorder("plant/#")
    async with keeping(mosquitto.url, recorder, OPTIONS):
        await recorder.await_ups(1)
        for round_number in range(2, 7):
            await asyncio.to_thread(mosquitto.restart)
            await recorder.await_ups(round_number, within_seconds=10)
    assert conflicts(recorder) == 0
