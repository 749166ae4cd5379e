"""A flow that only writes down what its link tells, and the keeper and links that it is given."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt.admission import Admit
from mqtt_kafka_bridge.mqtt.dialing import dialer
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected, Received
from mqtt_kafka_bridge.mqtt.keeper import STEADY_SECONDS, Keeper
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.mqtt.servers import Server
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.mqtt.subscribing import Subscription
from tests.support.background import Background
from tests.support.broker_script import ScriptedBroker, ScriptedConnection
from tests.support.proxy import Proxy
from tests.support.waiting import eventually_async

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_SECONDS = 10


class Recorder:
    """Note everything.

    Args:
        filter_text: what to subscribe to when a link is up; None: nothing.
        acknowledges: whether messages are acknowledged at once.
    """

    def __init__(self, filter_text: str | None = None, *, acknowledges: bool = True) -> None:
        self.acknowledges = acknowledges
        self.links: list[Link] = []
        """All that were opened, the first one first."""
        self.servers: list[str] = []
        """Where to."""
        self.ups: list[Connected] = []
        """Those that came up, subscription and all."""
        self.payloads: list[bytes] = []
        self.packet_ids: list[int] = []
        self.acknowledged_count = 0
        self.losses: list[BridgeError] = []
        """What links told when they were lost."""
        self.downs: list[BridgeError] = []
        """What the keeper told."""
        self._filter = filter_text

    def opened(self, link: Link, server: str) -> None:
        """Note a link."""
        self.links.append(link)
        self.servers.append(server)

    async def up(self, link: Link, connected: Connected, server: str) -> None:
        """Subscribe, and note the connection."""
        assert self.servers[-1] == server
        if self._filter is not None:
            link.write(link.session.subscribe([Subscription(self._filter, 1)]))
            await link.subscribed(_SECONDS)
        self.ups.append(connected)

    def received(self, event: Received) -> None:
        """Note messages."""
        self.payloads += [message.payload for message in event.messages]
        packet_ids = [packet_id for packet_id in event.packet_ids if packet_id is not None]
        self.packet_ids += packet_ids
        if self.acknowledges and packet_ids:
            link = self.links[-1]
            link.write(link.session.acknowledge(packet_ids))

    def acknowledged(self, event: Acknowledged) -> None:
        """Count PUBACKs."""
        self.acknowledged_count += event.total

    def lost(self, error: BridgeError) -> None:
        """Note a loss."""
        self.losses.append(error)

    def down(self, error: BridgeError) -> None:
        """Note what the keeper says."""
        self.downs.append(error)

    async def await_ups(self, count: int = 1, within_seconds: float = _SECONDS) -> Link:
        """Wait until so many connections came up; return the link of the last."""
        await eventually_async(
            lambda: len(self.ups) >= count,
            within_seconds,
            what=lambda: f"connection {count}; errors: {[e.message for e in self.downs]}",
        )
        return self.links[-1]

    async def await_down(self, count: int = 1, within_seconds: float = _SECONDS) -> BridgeError:
        """Wait until there were so many failures; return the last of them."""
        await eventually_async(lambda: len(self.downs) >= count, within_seconds, what="a failure")
        return self.downs[count - 1]

    async def await_payloads(self, count: int, within_seconds: float = _SECONDS) -> list[bytes]:
        """Wait until so many messages came; return all."""
        await eventually_async(
            lambda: len(self.payloads) >= count,
            within_seconds,
            what=lambda: f"{count} messages; there were {len(self.payloads)}",
        )
        return self.payloads


async def link_to(
    url: str, recorder: Recorder, options: Options | None = None, **config: object
) -> Link:
    """Open a link, of which nothing has been asked yet. Raises BridgeError."""
    mqtt = Mqtt.model_validate({"servers": [url], **config})
    server, chosen, buffer = Server.parse(url), options or Options(client_id="link"), ReadBuffer()

    def make_link() -> Link:
        link = Link(chosen, str(server), recorder, buffer)
        recorder.opened(link, str(server))
        return link

    return await dialer(mqtt)(server, make_link)


@asynccontextmanager
async def keeping(
    urls: str | list[str],
    recorder: Recorder,
    options: Options | None = None,
    *,
    steady_seconds: float = STEADY_SECONDS,
    admit: Admit | None = None,
    **config: object,
) -> AsyncIterator["asyncio.Task[None]"]:
    """Keep a client connected, by a keeper and real sockets; it is cancelled at the end.

    A bug in the flow ends the task early: whoever expects one looks at the task.
    """
    servers = [urls] if isinstance(urls, str) else urls
    mqtt = Mqtt.model_validate({"servers": servers, **config})
    chosen = options or Options(client_id="kept")
    keeper = Keeper(mqtt, chosen, recorder, dialer(mqtt), ReadBuffer(), steady_seconds, admit=admit)
    task = asyncio.create_task(keeper.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def connected(
    broker: ScriptedBroker, recorder: Recorder, options: Options | None = None
) -> tuple[Link, ScriptedConnection]:
    """Open a link and wait for CONNACK; return the broker's end too."""
    link = await link_to(broker.url, recorder, options)
    await link.connect(10)
    return link, await broker.connection(len(broker.connections) - 1)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Listen, for what even a scripted broker would not do; return the address."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def proxy_of(broker: ScriptedBroker, background: Background) -> Proxy:
    """Begin a proxy, on a loop of its own."""
    return await asyncio.to_thread(background.enter, Proxy(broker.port))
