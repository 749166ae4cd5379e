"""Links and a real Mosquitto: the end repeats nothing, and a restart loses nothing."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from mqtt_kafka_bridge.mqtt.events import Received
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.mqtt.subscribing import Subscription
from tests.support.background import Background
from tests.support.ledger import Ledger
from tests.support.link_recorder import Recorder, keeping, link_to
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_source import MqttSource
from tests.support.numbered import numbered
from tests.support.waiting import eventually_async

MakeMosquitto = Callable[..., Mosquitto]
SOURCE_WINDOW = 200
OPTIONS = Options(client_id="session", session_expiry_seconds=600, receive_maximum=500)


class Storing(Recorder):
    """Acknowledge in arrival order, a little later, as after a write to Kafka.

    What is acknowledged counts as stored, and stays so over connections.
    """

    def __init__(self, ledger: Ledger) -> None:
        super().__init__("plant/#", acknowledges=False)
        self._ledger = ledger
        self._waiting: list[tuple[Link, int, bytes]] = []

    def received(self, event: Received) -> None:
        """Let messages wait for their acknowledgement."""
        link = self.links[-1]
        for message, packet_id in zip(event.messages, event.packet_ids, strict=True):
            assert packet_id is not None
            self._waiting.append((link, packet_id, message.payload))
        asyncio.get_running_loop().call_later(0.005, self.store)

    def store(self) -> None:
        """Acknowledge all that waits."""
        waiting, self._waiting = self._waiting, []
        link = self.links[-1]
        packet_ids = [packet_id for of, packet_id, _ in waiting if of is link]
        link.write(link.session.acknowledge(packet_ids))
        for of, _, payload in waiting:
            if of is link and (message := numbered(payload)):
                self._ledger.held(message)


def source_of(broker: Mosquitto, ledger: Ledger) -> MqttSource:
    return MqttSource(broker.url, "plant/{key}", ledger, window=SOURCE_WINDOW)


def more_than(ledger: Ledger, count: int) -> Callable[[], bool]:
    return lambda: ledger.held_count > count


async def subscribed(broker: Mosquitto, recorder: Recorder) -> Link:
    link = await link_to(broker.url, recorder, OPTIONS)
    await link.connect(10)
    link.write(link.session.subscribe([Subscription("plant/#", 1)]))
    await link.subscribed(10)
    return link


@pytest.mark.parametrize("spaced", [0.0, 0.002])
async def test_nothing_that_was_acknowledged_comes_again_after_the_end(
    mosquitto: Mosquitto, background: Background, spaced: float
) -> None:
    """Cut, store, acknowledge, end: under load, ten times over."""
    ledger = Ledger()
    recorder = Storing(ledger)
    source = await asyncio.to_thread(background.enter, source_of(mosquitto, ledger))
    over = threading.Event()
    publishing = background.begin(source.keep_publishing(8000, over.is_set))
    for _ in range(10):
        link = await subscribed(mosquitto, recorder)
        link.gap_seconds = spaced
        await eventually_async(more_than(ledger, ledger.held_count + 300), 20)
        link.cut()
        recorder.store()
        await link.end()
    over.set()
    await asyncio.wrap_future(publishing)
    await asyncio.wrap_future(background.begin(source.settled()))
    link = await subscribed(mosquitto, recorder)
    await eventually_async(lambda: not ledger.missing(), 20)
    await link.end()
    ledger.check(duplicates_at_most=0)
    assert recorder.losses == []


@pytest.mark.parametrize("most_in_flight", [OPTIONS.receive_maximum, 0], ids=["kept", "exceeded"])
async def test_a_session_goes_on_after_the_broker_restarts(
    make_mosquitto: MakeMosquitto, background: Background, most_in_flight: int
) -> None:
    """With what it kept, in order, within 10 s of its port being open.

    Mosquitto 2.0, without a limit of its own, then sends far more than our Receive Maximum.
    """
    mosquitto = make_mosquitto(max_inflight_messages=most_in_flight)
    ledger = Ledger()
    recorder = Storing(ledger)
    async with keeping(mosquitto.url, recorder, OPTIONS) as task:
        await recorder.await_ups()
        source = await asyncio.to_thread(background.enter, source_of(mosquitto, ledger))
        for round_number in (2, 3):
            publishing = background.begin(source.publish(3000))
            await eventually_async(more_than(ledger, ledger.held_count + 500), 20)
            await asyncio.to_thread(mosquitto.restart)
            await recorder.await_ups(round_number, within_seconds=10)
            await asyncio.wrap_future(publishing)
            await asyncio.wrap_future(background.begin(source.settled()))
            await eventually_async(lambda: not ledger.missing(), 20)
        assert not task.done()
    assert [up.session_present for up in recorder.ups] == [False, True, True]
    assert ledger.disorder() == []
    if most_in_flight:  # the source repeats what the broker took and did not acknowledge
        assert ledger.duplicates() <= 2 * (most_in_flight + SOURCE_WINDOW)


async def test_a_take_over_ends_the_older_link_only(mosquitto: Mosquitto) -> None:
    older, newer = Recorder(), Recorder()
    first = await subscribed(mosquitto, older)
    second = await subscribed(mosquitto, newer)
    async with asyncio.timeout(10):
        await first.ended
    assert len(older.losses) == 1
    assert not second.ended.done()
    await second.end()
    assert newer.losses == []
