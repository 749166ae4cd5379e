"""Keeping one client id connected: connect, fail over, back off, reconnect. Nobody else does it."""

import asyncio
from dataclasses import replace
from typing import Protocol

from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt.dialing import CONNECT_SECONDS, Dial
from mqtt_kafka_bridge.mqtt.events import Connected, LinkHandler
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.mqtt.servers import Server, Servers
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.tls import read_password

STEADY_SECONDS = 10.0
"""A connection that lived so long was a success: after it the back-off starts anew. One that is
lost sooner counts as a failure, or a broker that throws us out would see us again at once."""


class Kept(LinkHandler, Protocol):
    """The flow whose link is kept."""

    def opened(self, link: Link, server: str) -> None:
        """Learn of a link before anything can come over it; `down` follows if it fails."""
        ...

    async def up(self, link: Link, connected: Connected, server: str) -> None:
        """Use the new connection (subscribe); it may be lost before this returns.

        Raises:
            BridgeError: it is of no use; it is closed and tried again after a delay.
        """
        ...

    def down(self, error: BridgeError) -> None:
        """Learn that there is no connection, and why."""
        ...


class Keeper:
    """Keeps one client id connected until it is cancelled.

    Args:
        config: where and as whom to connect; the password file is read at each attempt.
        options: the session's options; user name and password are filled in here.
        flow: who uses the link.
        dial: opens transports.
        buffer: the loop's read buffer.
        steady_seconds: how long a connection must live to be a success.
    """

    def __init__(
        self,
        config: Mqtt,
        options: Options,
        flow: Kept,
        dial: Dial,
        buffer: ReadBuffer,
        steady_seconds: float = STEADY_SECONDS,
    ) -> None:
        self._config = config
        self._options = options
        self._flow = flow
        self._dial = dial
        self._buffer = buffer
        self._steady_seconds = steady_seconds
        self._servers = Servers(config.servers)

    async def run(self) -> None:
        """Connect, again and again; return never.

        Raises:
            Exception: a bug in the flow; it is no lost connection.
        """
        while True:
            error = await self._live(self._servers.next())
            self._flow.down(error)
            await asyncio.sleep(self._servers.failed(error))

    async def _live(self, server: Server) -> BridgeError:
        """Return why the connection ended, or could not be made."""
        link: Link | None = None
        try:
            options = self._with_credentials()

            def make_link() -> Link:
                made = Link(options, str(server), self._flow, self._buffer)
                self._flow.opened(made, str(server))
                return made

            link = await self._dial(server, make_link)
            connected = await link.connected(CONNECT_SECONDS)
            await self._flow.up(link, connected, str(server))
            return await self._lived(link)
        except BridgeError as error:
            return error
        finally:
            if link is not None:
                link.abort()

    async def _lived(self, link: Link) -> BridgeError:
        """Return why a link that was up ended."""
        now = asyncio.get_running_loop().time
        up_at = now()
        error = await asyncio.shield(link.ended)
        if now() - up_at >= self._steady_seconds:
            self._servers.succeeded()
        return error

    def _with_credentials(self) -> Options:
        login = self._config.authentication
        if login is None:
            return self._options
        password = read_password(login.password_file, "mqtt.authentication.passwordFile")
        return replace(self._options, username=login.username, password=password.encode())
