"""Asking pods how they are, over real HTTP; the bridge's own port is one of those asked."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from mqtt_kafka_bridge.contract import BridgeConfig, BridgeStatus
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.observe import http as bridge_http
from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.bridge_status import (
    MOST_BYTES,
    PATIENCE_SECONDS,
    SAME_WORDS_SECONDS,
    Pollster,
)
from mqtt_kafka_operator.facts import Pod, Silence
from tests.support.bridge_facts import COMMANDS, mapping, says, waiting
from tests.support.ports import free_port

BRIDGE = ("factory", "plant")
WELL = says(mapping(), mapping(COMMANDS))


class Time:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now


class FakePod:
    """A port that answers whatever it is told to."""

    def __init__(self) -> None:
        self.code = 200
        self.body = WELL.model_dump_json()
        self.port = 0

    async def answer(self, _: web.Request) -> web.Response:
        """Answer."""
        return web.Response(status=self.code, text=self.body)

    def pod(self, uid: str = "1") -> Pod:
        """Return the same as the API server has it."""
        return Pod("plant-a", uid, "127.0.0.1", self.port)


@pytest.fixture
async def fake() -> AsyncIterator[FakePod]:
    """Serve a fake pod."""
    fake = FakePod()
    application = web.Application()
    application.add_routes([web.get("/status", fake.answer)])
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.port = runner.addresses[0][1]
    yield fake
    await runner.cleanup()


@pytest.fixture
def clock() -> Time:
    """A clock that stands."""
    return Time()


@pytest.fixture
async def pollster(clock: Time) -> AsyncIterator[Pollster]:
    """Somebody who asks."""
    async with aiohttp.ClientSession() as session:
        yield Pollster(session, clock)


async def silence(pollster: Pollster, clock: Time, pod: Pod) -> Silence:
    """Return why a pod says nothing, once that has lasted."""
    await pollster.ask(BRIDGE, [pod])
    clock.now += PATIENCE_SECONDS
    await pollster.ask(BRIDGE, [pod])
    answer = pollster.answers(BRIDGE)["plant-a"]
    assert isinstance(answer, Silence)
    return answer


async def test_a_bridges_own_port_is_understood(pollster: Pollster) -> None:
    """The contract is one, and both sides keep it."""
    config = BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "mqtt": {"servers": ["mqtt://127.0.0.1"]},
            "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
            "mqttToKafka": [{"name": "a", "from": {"filter": "a"}, "to": {"topic": "a"}}],
        }
    )
    board = Board(config, "plant-a", lambda: datetime.now(UTC))
    server = await bridge_http.serve(board, "127.0.0.1", 0)
    try:
        await pollster.ask(BRIDGE, [Pod("plant-a", "1", "127.0.0.1", urlsplit(server.url).port)])
    finally:
        await server.close()

    assert pollster.answers(BRIDGE) == {"plant-a": board.status}


async def test_only_what_matters_is_a_change(pollster: Pollster, fake: FakePod) -> None:
    """Counts move all the time."""
    assert await pollster.ask(BRIDGE, [fake.pod()])
    busy = mapping().model_copy(
        update={"counts": mapping().counts.model_copy(update={"received": 5})}
    )
    fake.body = says(busy, mapping(COMMANDS)).model_dump_json()
    assert not await pollster.ask(BRIDGE, [fake.pod()])
    fake.body = says(mapping()).model_dump_json()
    assert await pollster.ask(BRIDGE, [fake.pod()])


async def test_one_answer_that_does_not_come_changes_nothing(
    pollster: Pollster, fake: FakePod, clock: Time
) -> None:
    """A pod may be busy for a moment; one that stays silent is told."""
    await pollster.ask(BRIDGE, [fake.pod()])
    fake.code = 503
    clock.now = PATIENCE_SECONDS - 1
    assert not await pollster.ask(BRIDGE, [fake.pod()])
    assert isinstance(pollster.answers(BRIDGE)["plant-a"], BridgeStatus)
    clock.now = PATIENCE_SECONDS
    assert await pollster.ask(BRIDGE, [fake.pod()])
    assert pollster.answers(BRIDGE)["plant-a"] == Silence(
        OperatorReason.STATUS_UNREACHABLE, "they answer 503"
    )


async def test_a_new_pod_has_time_to_begin_though_it_has_an_old_ones_name(
    pollster: Pollster, fake: FakePod, clock: Time
) -> None:
    fake.code = 503
    await silence(pollster, clock, fake.pod("1"))
    await pollster.ask(BRIDGE, [fake.pod("2")])

    assert pollster.answers(BRIDGE) == {}


async def test_fields_of_a_newer_bridge_are_left_out(pollster: Pollster, fake: FakePod) -> None:
    fake.body = fake.body.replace('{"version":1', '{"version":1,"news":[1]')
    await pollster.ask(BRIDGE, [fake.pod()])

    assert "news" in fake.body
    assert pollster.answers(BRIDGE) == {"plant-a": WELL}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"version": 2}', "version: Input should be 1"),
        ("hello", "the whole: Invalid JSON"),
        (" " * (MOST_BYTES + 1), "more than a status can be long"),
    ],
)
async def test_another_answer_than_a_bridges_is_told_at_once(
    pollster: Pollster, fake: FakePod, body: str, words: str
) -> None:
    fake.body = body
    await pollster.ask(BRIDGE, [fake.pod()])
    answer = pollster.answers(BRIDGE)["plant-a"]

    assert isinstance(answer, Silence)
    assert answer.reason is OperatorReason.STATUS_NOT_UNDERSTOOD
    assert words in answer.message


async def test_what_can_not_be_reached_is_told_with_its_cause(
    pollster: Pollster, clock: Time
) -> None:
    closed = Pod("plant-a", "1", "127.0.0.1", free_port())
    without_port = Pod("plant-a", "2", "127.0.0.1")
    at_six = Pod("plant-a", "3", "::1", free_port())

    assert (await silence(pollster, clock, closed)).message.startswith("no connection (")
    assert (await silence(pollster, clock, without_port)).message == "they have no port named http"
    assert (await silence(pollster, clock, at_six)).message.startswith("no connection (")


async def test_pods_that_are_gone_are_forgotten(pollster: Pollster, fake: FakePod) -> None:
    await pollster.ask(BRIDGE, [fake.pod()])

    assert await pollster.ask(BRIDGE, [])
    assert not await pollster.ask(BRIDGE, [Pod("plant-a", "1")])
    assert pollster.answers(BRIDGE) == {}


async def test_words_that_alternate_under_one_reason_do_not_change_a_status(
    pollster: Pollster, fake: FakePod, clock: Time
) -> None:
    """Two servers are down, and each try is at the other one; a new reason is told at once."""

    def say(reason: Reason, words: str) -> None:
        fake.body = says(waiting(COMMANDS, reason, words, side="mqtt")).model_dump_json()

    say(Reason.MQTT_UNREACHABLE, "a is down")
    await pollster.ask(BRIDGE, [fake.pod()])
    say(Reason.MQTT_UNREACHABLE, "b is down")
    assert not await pollster.ask(BRIDGE, [fake.pod()])
    say(Reason.MQTT_REFUSED, "b is busy")
    assert await pollster.ask(BRIDGE, [fake.pod()])
    say(Reason.MQTT_REFUSED, "a is busy")
    clock.now = SAME_WORDS_SECONDS
    assert await pollster.ask(BRIDGE, [fake.pod()])
