"""When to ping, and when to give a broker up; a keep-alive of some milliseconds will do."""

import asyncio

import pytest

from mqtt_kafka_bridge.mqtt.keep_alive import KeepAlive
from tests.support.waiting import eventually_async

SECONDS = 0.02


class Broker:
    """Counts pings, answers them if asked to, and notes that it was given up."""

    def __init__(self, *, answers: bool = False) -> None:
        self.pings = 0
        self.silent: list[float] = []
        self.keep_alive = KeepAlive(self._ping, self.silent.append)
        self._answers = answers

    def _ping(self) -> None:
        self.pings += 1
        self.keep_alive.idle = 0
        if self._answers:
            self.keep_alive.silent = 0


async def test_a_broker_that_answers_is_pinged_for_ever() -> None:
    broker = Broker(answers=True)
    broker.keep_alive.start(SECONDS)
    await eventually_async(lambda: broker.pings >= 20, 20)
    broker.keep_alive.stop()
    assert broker.silent == []


async def test_a_silent_broker_is_given_up_after_one_and_a_half_keep_alives() -> None:
    """As long as it would wait for us [MQTT-3.1.2-22]; it was pinged before."""
    broker = Broker()
    broker.keep_alive.start(SECONDS)
    await eventually_async(lambda: broker.silent, 20)
    assert broker.silent == [pytest.approx(1.5 * SECONDS)]
    assert broker.pings == 2


async def test_silence_proves_nothing_while_reading_is_held_back_but_pings_go_out() -> None:
    broker = Broker()
    broker.keep_alive.held = True
    broker.keep_alive.start(SECONDS)
    await eventually_async(lambda: broker.pings >= 10, 20)
    assert broker.silent == []
    broker.keep_alive.held = False
    await eventually_async(lambda: broker.silent, 20)


async def test_after_a_standstill_of_the_process_the_socket_is_read_before_all_else() -> None:
    """However long it was: one quarter has passed, not a hundred."""
    broker = Broker()
    broker.keep_alive.start(SECONDS)
    await eventually_async(lambda: broker.pings == 1, 20)
    before = broker.keep_alive.silent
    asyncio.get_running_loop().call_soon(lambda: __import__("time").sleep(10 * SECONDS))
    await asyncio.sleep(0.001)
    await asyncio.sleep(0)
    assert broker.keep_alive.silent <= before + 1
    assert broker.silent == []
    broker.keep_alive.stop()


async def test_no_keep_alive_means_no_ping() -> None:
    broker = Broker()
    broker.keep_alive.start(0)
    broker.keep_alive.stop()
    await asyncio.sleep(3 * SECONDS)
    assert broker.pings == 0


async def test_nothing_comes_after_the_end() -> None:
    broker = Broker()
    broker.keep_alive.start(SECONDS)
    broker.keep_alive.stop()
    await asyncio.sleep(3 * SECONDS)
    assert (broker.pings, broker.silent) == (0, [])
