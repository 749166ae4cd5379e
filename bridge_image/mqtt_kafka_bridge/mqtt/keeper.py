"""Keeping one client id connected: connect, fail over, back off, reconnect. Nobody else does it."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Protocol

from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt.admission import Admission, Admit
from mqtt_kafka_bridge.mqtt.dialing import CONNECT_SECONDS, Dial
from mqtt_kafka_bridge.mqtt.events import Connected, LinkHandler
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.mqtt.rivals import Rivals
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
        admit: proves, before each CONNECT, that we may connect (`admission` says when); None: we
            always may.
    """

    def __init__(
        self,
        config: Mqtt,
        options: Options,
        flow: Kept,
        dial: Dial,
        buffer: ReadBuffer,
        steady_seconds: float = STEADY_SECONDS,
        *,
        admit: Admit | None = None,
    ) -> None:
        self._config = config
        self._options = options
        self._flow = flow
        self._dial = dial
        self._buffer = buffer
        self._steady_seconds = steady_seconds
        self._servers = Servers(config.servers)
        self._rivals = Rivals(options.client_id)
        self._admission = Admission(admit)

    async def run(self) -> None:
        """Connect, again and again; return never.

        Raises:
            LeaseRefusedError: we may not connect any more; nobody is told by `down`.
            Exception: a bug in the flow; it is no lost connection.
        """
        while True:
            error = await self._try(self._servers.next())
            self._flow.down(error)
            await asyncio.sleep(self._servers.failed(error))

    async def _try(self, server: Server) -> BridgeError:
        """Return why there is no connection, or none any more."""
        now = asyncio.get_running_loop().time
        link: Link | None = None
        accepted_at: float | None = None
        try:
            options = self._with_credentials()
            await self._admission.obtain()
            link = await self._dial(server, partial(self._make_link, options, str(server)))
            await self._admission.refresh()
            connected = await link.connect(CONNECT_SECONDS)
            accepted_at = now()
            await self._flow.up(link, connected, str(server))
            ended = await asyncio.shield(link.ended)
            if now() - accepted_at >= self._steady_seconds:
                self._servers.succeeded()
        except BridgeError as error:
            ended = error
        finally:
            if link is not None:
                link.abort()
        lived_seconds = None if accepted_at is None else now() - accepted_at
        return self._rivals.judge(ended, now(), lived_seconds)

    def _make_link(self, options: Options, server: str) -> Link:
        link = Link(options, server, self._flow, self._buffer)
        self._flow.opened(link, server)
        return link

    def _with_credentials(self) -> Options:
        login = self._config.authentication
        if login is None:
            return self._options
        password = read_password(login.password_file, "mqtt.authentication.passwordFile")
        return replace(self._options, username=login.username, password=password.encode())
