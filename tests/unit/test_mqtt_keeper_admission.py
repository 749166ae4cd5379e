"""A keeper asks before each CONNECT whether it may connect; on virtual time."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import closing
from itertools import chain, repeat

import pytest

from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import LeaseRefusedError, PassingError
from mqtt_kafka_bridge.mqtt.admission import FRESH_SECONDS
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.mqtt.session import Options
from tests.support.link_recorder import Recorder
from tests.support.model_broker import ModelBroker
from tests.support.simulation.clock import SimulatedLoop

YES = None
UNKNOWN = PassingError(Reason.KAFKA_UNREACHABLE, "Kafka does not answer")
NO = LeaseRefusedError("slot 7 is another's")


class Kept:
    """A keeper, its broker, and who answers whether it may connect.

    Args:
        answers: one after the other; then always yes.
    """

    def __init__(self, *answers: Exception | None) -> None:
        self.broker = ModelBroker()
        self.recorder = Recorder()
        self.asked_at: list[float] = []
        self._answers: Iterator[Exception | None] = chain(answers, repeat(YES))
        mqtt = Mqtt.model_validate({"servers": ["mqtt://model"]})
        options = Options(client_id="c", keep_alive_seconds=0)
        buffer = ReadBuffer(4096)
        keeper = Keeper(mqtt, options, self.recorder, self.broker.dial, buffer, admit=self.admit)
        self.task = asyncio.create_task(keeper.run())

    async def admit(self) -> None:
        """Answer, after a while."""
        self.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.01)
        if (answer := next(self._answers)) is not None:
            raise answer

    async def end(self) -> None:
        """End it."""
        self.task.cancel()
        await asyncio.wait({self.task})


def on_virtual_time(story: Coroutine[None, None, None]) -> None:
    with closing(SimulatedLoop()) as loop:
        loop.run_until_complete(story)


def test_it_asks_before_each_attempt_first_or_again() -> None:
    async def story() -> None:
        kept = Kept()
        for connection in range(1, 5):
            await asyncio.sleep(20)
            assert len(kept.broker.accepted) == connection
            await kept.broker.restart(1)
        broker = kept.broker
        assert len(broker.dialled) > len(broker.accepted)
        for asked_at, dialled_at in zip(kept.asked_at, broker.dialled, strict=True):
            assert asked_at < dialled_at < asked_at + 0.1
        await kept.end()

    on_virtual_time(story())


def test_while_kafka_does_not_answer_nobody_is_dialled_and_it_is_told_and_tried_again() -> None:
    async def story() -> None:
        kept = Kept(UNKNOWN, UNKNOWN, UNKNOWN)
        await asyncio.sleep(0.1)
        assert kept.recorder.downs == [UNKNOWN]
        await asyncio.sleep(10)
        assert kept.recorder.downs == [UNKNOWN] * 3
        assert len(kept.asked_at) == 4
        assert len(kept.broker.dialled) == len(kept.recorder.ups) == 1
        await kept.end()

    on_virtual_time(story())


def test_who_is_refused_is_done_for_good_and_dials_nobody() -> None:
    async def story() -> None:
        kept = Kept(NO)
        await asyncio.wait({kept.task})
        assert kept.task.exception() is NO
        assert kept.broker.dialled == []
        assert kept.recorder.downs == []

    on_virtual_time(story())


def test_who_is_refused_after_a_connection_does_not_come_again() -> None:
    async def story() -> None:
        kept = Kept(YES, NO)
        await asyncio.sleep(20)
        await kept.broker.restart(0)
        await asyncio.wait({kept.task})
        assert kept.task.exception() is NO
        assert len(kept.broker.dialled) == 1

    on_virtual_time(story())


def test_when_dialling_takes_long_it_asks_again_before_connect() -> None:
    async def story() -> None:
        kept = Kept()
        kept.broker.dial_seconds = FRESH_SECONDS + 1
        await asyncio.sleep(20)
        assert len(kept.asked_at) == 2
        (accepted,) = kept.broker.accepted
        assert kept.asked_at[1] < accepted < kept.asked_at[1] + 0.1
        await kept.end()

    on_virtual_time(story())


def test_who_lost_the_lease_while_it_dialled_says_nothing_and_closes() -> None:
    """A process that was frozen then is no different: the clock went on."""

    async def story() -> None:
        kept = Kept(YES, NO)
        kept.broker.dial_seconds = FRESH_SECONDS + 1
        await asyncio.wait({kept.task})
        assert kept.task.exception() is NO
        assert kept.broker.accepted == []
        (link,) = kept.recorder.links
        link.write(b"nothing happens")
        assert kept.recorder.downs == kept.recorder.losses == []

    on_virtual_time(story())


@pytest.mark.parametrize("answers", [(YES, UNKNOWN), (UNKNOWN, YES)])
def test_kafka_may_fail_the_first_or_the_second_question(
    answers: tuple[Exception | None, ...],
) -> None:
    async def story() -> None:
        kept = Kept(*answers)
        kept.broker.dial_seconds = FRESH_SECONDS + 1
        await asyncio.sleep(30)
        assert kept.recorder.downs == [UNKNOWN]
        assert len(kept.broker.accepted) == 1
        await kept.end()

    on_virtual_time(story())
