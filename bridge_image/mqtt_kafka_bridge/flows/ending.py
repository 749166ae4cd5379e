"""Ending a session at the broker, so that nothing fills a queue that nobody reads any more."""

import asyncio
from collections.abc import Awaitable, Callable

from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt.dialing import Dial
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected, Received
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.mqtt.session import Options


class _CleanConnection:
    """What a keeper tells of the one connection that is needed."""

    def __init__(self, show: Callable[[BridgeError], None]) -> None:
        self.done = asyncio.Event()
        self._show = show

    def received(self, event: Received) -> None:
        """Take nothing: nothing is subscribed to."""

    def acknowledged(self, event: Acknowledged) -> None:
        """Take nothing: nothing is published."""

    def opened(self, link: Link, server: str) -> None:
        """Take no note."""

    async def up(self, link: Link, connected: Connected, server: str) -> None:  # noqa: ARG002 - port
        """Disconnect: with the clean start the old session ended, and with this the new one."""
        await link.end()
        self.done.set()

    def lost(self, error: BridgeError) -> None:
        """Show why it takes longer."""
        self._show(error)

    def down(self, error: BridgeError) -> None:
        """Show why it takes longer."""
        self._show(error)


async def end_session(
    mqtt: Mqtt,
    dial: Dial,
    buffer: ReadBuffer,
    client_id: str,
    admit: Callable[[], Awaitable[None]] | None,
    show: Callable[[BridgeError], None],
) -> None:
    """Let the broker forget a session that nobody is connected to, however long it takes.

    A connection with a clean start and no expiry does it [MQTT5 3.1.2.4]; a DISCONNECT over the
    session's own last connection would not, whenever that got lost.

    Raises:
        LeaseRefusedError: the session is not ours (any more).
    """
    options = Options(
        client_id=client_id,
        clean_start=True,
        session_expiry_seconds=0,
        keep_alive_seconds=int(mqtt.keep_alive.total_seconds()),
    )
    connection = _CleanConnection(show)
    keeper = Keeper(mqtt, options, connection, dial, buffer, admit=admit)
    keeping = asyncio.create_task(keeper.run())
    done = asyncio.create_task(connection.done.wait())
    try:
        await asyncio.wait({keeping, done}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            keeping.result()
    finally:
        # Both at once: a keeper that goes on meanwhile may be refused, and nobody would hear of it.
        done.cancel()
        keeping.cancel()
        await asyncio.wait({keeping, done})
