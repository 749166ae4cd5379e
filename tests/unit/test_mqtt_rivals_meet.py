"""Keepers that share a client id, on virtual time: real keepers and links, and a broker's model."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from itertools import pairwise

import pytest

from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.mqtt.rivals import SETTLED_SECONDS
from mqtt_kafka_bridge.mqtt.servers import Server
from mqtt_kafka_bridge.mqtt.session import Options
from tests.support.link_recorder import Recorder
from tests.support.model_broker import ModelBroker
from tests.support.simulation.clock import SimulatedLoop

OPTIONS = Options(client_id="same", keep_alive_seconds=0)
MQTT = Mqtt.model_validate({"servers": ["mqtt://model"]})
HOUR = 3600.0
KINDS = ["0x8E", "end of file", "reset"]


class Bridge(Recorder):
    """A flow that notes when it was told of a conflict."""

    def __init__(self) -> None:
        super().__init__()
        self.conflicts: list[float] = []

    def down(self, error: BridgeError) -> None:
        """Note it."""
        super().down(error)
        if error.reason is Reason.IDENTITY_CONFLICT:
            self.conflicts.append(asyncio.get_running_loop().time())


def keep(broker: ModelBroker) -> "tuple[Bridge, asyncio.Task[None]]":
    """Keep a client connected, until the task is cancelled."""
    bridge = Bridge()
    keeper = Keeper(MQTT, OPTIONS, bridge, broker.dial, ReadBuffer(4096))
    return bridge, asyncio.create_task(keeper.run())


async def come_back_at_once(broker: ModelBroker) -> None:
    """Be a client that knows no manners."""
    while True:
        link = await broker.dial(Server("model", 1883, secure=False), link_of_a_stranger)
        with suppress(BridgeError):
            await link.connect(10)
        await asyncio.shield(link.ended)


def link_of_a_stranger() -> Link:
    return Link(OPTIONS, "model:1883", Recorder(), ReadBuffer(4096))


@pytest.fixture(params=range(5))
def simulated(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Run a story on virtual time, with chances of its own."""
    state = random.getstate()
    random.seed(request.param)

    def run(story: Coroutine[None, None, None]) -> None:
        loop = SimulatedLoop()
        loop.run_until_complete(story)
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
        loop.close()

    yield run
    random.setstate(state)


def most_within_a_minute(times: list[float]) -> int:
    """Return the most that fall into any 60 s."""
    return max(sum(since <= at < since + 60 for at in times) for since in times)


@pytest.mark.parametrize("kind", KINDS)
def test_two_bridges_with_one_identity_come_to_two_take_overs_a_minute(
    simulated: Callable[..., None], kind: str
) -> None:
    """Both say why, and one of the two is connected nearly all the time."""

    async def story() -> None:
        broker = ModelBroker(kind)
        (one, _), (other, _) = keep(broker), keep(broker)
        await asyncio.sleep(HOUR)
        detected = min(one.conflicts + other.conflicts)
        after = [at for at in broker.take_overs if at > detected]
        assert len(broker.take_overs) - len(after) <= 6
        assert most_within_a_minute(after) <= 2
        assert HOUR / 180 < len(after) <= HOUR / 60
        assert detected < 300
        assert min(len(one.conflicts), len(other.conflicts)) > HOUR / 400
        assert max(b - a for a, b in pairwise(broker.accepted)) < 100

    simulated(story())


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_always_comes_back_at_once_is_met_twice_a_minute_at_most(
    simulated: Callable[..., None], kind: str
) -> None:
    async def story() -> None:
        broker = ModelBroker(kind)
        rival = asyncio.create_task(come_back_at_once(broker))
        bridge, _ = keep(broker)
        await asyncio.sleep(HOUR)
        assert not rival.done()
        after = [at for at in broker.take_overs if at > bridge.conflicts[0]]
        assert most_within_a_minute(after) <= 2

    simulated(story())


def test_a_broker_that_restarts_again_and_again_is_no_rival_and_used_soon(
    simulated: Callable[..., None],
) -> None:
    """For however short a time it is away."""

    async def story() -> None:
        broker = ModelBroker()
        bridge, _ = keep(broker)
        for away_seconds in (0.03, 0.1, 0.2, 0.5, 1.0, 5.0, 60.0, 0.1, 0.1, 0.1):
            await asyncio.sleep(15)
            up_at = await broker.restart(away_seconds)
            await asyncio.sleep(10)
            assert up_at <= broker.accepted[-1] < up_at + 6
        assert bridge.conflicts == []

    simulated(story())


def test_when_the_rival_is_gone_the_next_loss_is_a_loss_like_any_other(
    simulated: Callable[..., None],
) -> None:
    async def story() -> None:
        broker = ModelBroker()
        (one, _), (_, rival) = keep(broker), keep(broker)
        await asyncio.sleep(HOUR)
        rival.cancel()
        await asyncio.sleep(100 + SETTLED_SECONDS)
        told = len(one.conflicts)
        up_at = await broker.restart(0.5)
        await asyncio.sleep(10)
        assert up_at <= broker.accepted[-1] < up_at + 6
        assert len(one.conflicts) == told

    simulated(story())
