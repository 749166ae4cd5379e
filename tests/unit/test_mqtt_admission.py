"""The leave to connect: asked for before dialling, and fresh when CONNECT is written."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import closing

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import LeaseRefusedError, PassingError
from mqtt_kafka_bridge.mqtt.admission import FRESH_SECONDS, Admission
from tests.support.simulation.clock import SimulatedLoop

LONG = FRESH_SECONDS + 0.1
KAFKA_AWAY = PassingError(Reason.KAFKA_UNREACHABLE, "away")


class Kafka:
    """Answer one question after the other; each answer takes a time, and may be a refusal."""

    def __init__(self, answers: Sequence[float | Exception]) -> None:
        self.asked_at: list[float] = []
        self._answers = list(answers)

    async def admit(self) -> None:
        """Answer."""
        self.asked_at.append(asyncio.get_running_loop().time())
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        await asyncio.sleep(answer)


def on_virtual_time(story: Coroutine[None, None, None]) -> None:
    with closing(SimulatedLoop()) as loop:
        loop.run_until_complete(story)


async def connect(kafka: Kafka, dialling_seconds: float) -> None:
    """Do as a keeper does."""
    admission = Admission(kafka.admit)
    await admission.obtain()
    await asyncio.sleep(dialling_seconds)
    await admission.refresh()


def test_a_fresh_leave_is_asked_for_once() -> None:
    kafka = Kafka([1.0])
    on_virtual_time(connect(kafka, FRESH_SECONDS - 1.1))
    assert kafka.asked_at == pytest.approx([0], abs=0.01)


@pytest.mark.parametrize(("answering", "dialling"), [(0, LONG), (LONG, 0), (3, 3)])
def test_a_stale_leave_is_asked_for_again_with_the_transport_open(
    answering: float, dialling: float
) -> None:
    """Its age counts from before the question."""
    kafka = Kafka([answering, 1])
    on_virtual_time(connect(kafka, dialling))
    assert kafka.asked_at == pytest.approx([0, answering + dialling], abs=0.01)


def test_an_answer_that_is_stale_itself_is_no_leave() -> None:
    """Kafka is slow, or the process stood still while it waited."""
    with pytest.raises(PassingError, match="more than 5 s to confirm") as caught:
        on_virtual_time(connect(Kafka([0, LONG]), LONG))
    assert caught.value.reason is Reason.KAFKA_UNREACHABLE


@pytest.mark.parametrize("refusal", [KAFKA_AWAY, LeaseRefusedError("another's")])
@pytest.mark.parametrize("before", [[], [LONG]], ids=["first", "again"])
def test_a_refusal_is_one_the_first_time_and_again(refusal: Exception, before: list[float]) -> None:
    with pytest.raises(type(refusal)) as caught:
        on_virtual_time(connect(Kafka([*before, refusal]), LONG))
    assert caught.value is refusal


def test_who_has_nobody_to_ask_may_always_connect() -> None:
    async def story() -> None:
        admission = Admission(None)
        await admission.obtain()
        await asyncio.sleep(LONG)
        await admission.refresh()

    on_virtual_time(story())
