"""A persistent MQTT 5 client for tests: it connects, and connects again, until it is left.

Written on the codec and on nothing of the bridge's, so that the two can't share a mistake.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import mqtt5

from tests.support.waiting import eventually_async

_READ_BYTES = 262_144
_RETRY_SECONDS = 0.05
_CONNECT_SECONDS = 15
_SESSION_SECONDS = 3600
_CLOSE_SECONDS = 1


class RefusedError(Exception):
    """The broker answered CONNECT with a reason code."""


async def packets(reader: asyncio.StreamReader) -> AsyncIterator[mqtt5.Packet]:
    """Yield packets until the end of the stream."""
    data = b""
    while chunk := await reader.read(_READ_BYTES):
        data += chunk
        view, at = memoryview(data), 0
        while True:
            try:
                packet, size = mqtt5.read(view[at:])
            except IndexError:  # not all of it is here yet
                break
            at += size
            yield packet
        data = data[at:]


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection and wait for its end, but not for a peer that does not answer."""
    writer.close()
    with suppress(OSError, TimeoutError):
        # Not `wait_for`: in Python 3.11 it can swallow the cancellation of whoever waits.
        async with asyncio.timeout(_CLOSE_SECONDS):
            await writer.wait_closed()
    writer.transport.abort()


class MqttClient:
    """Base of source and sink; they say what to do when connected and with each packet.

    Args:
        url: as in a bridge's configuration.
        client_id: the broker keeps the session under it.
        user: name and password.
        context: how to trust a TLS server.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        *,
        user: tuple[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._at = urlsplit(url)
        self._context = context
        name, password = user or (None, "")
        self._connect = mqtt5.ConnectPacket(
            client_id,
            username=name,
            password=password.encode() if user else None,
            clean_start=False,
            session_expiry_interval=_SESSION_SECONDS,
        )
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._refusal: Exception | None = None
        self.connections = 0
        """How often it has connected."""

    def on_connected(self, answer: mqtt5.ConnAckPacket) -> None:
        """Do what is due at the beginning of a connection."""

    def on_packet(self, packet: mqtt5.Packet) -> None:
        """Act on a packet."""

    @property
    def usable(self) -> bool:
        """Whether it is connected, and whatever else a subclass waits for."""
        return self._writer is not None

    def write(self, data: bytes) -> None:
        """Send bytes if there is a connection."""
        if self._writer is not None:
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the socket takes more."""
        with suppress(OSError):  # the reader finds the same, and connects again
            if self._writer is not None:
                await self._writer.drain()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        try:
            await self._begun()
        except BaseException:
            self._task.cancel()
            raise
        return self

    async def _begun(self) -> None:
        await eventually_async(lambda: self.usable or self._refusal, _CONNECT_SECONDS)
        if self._refusal:
            raise self._refusal

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.write(mqtt5.DisconnectPacket().write())
        await self.drain()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._refusal is None:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(
                    self._at.hostname, self._at.port, ssl=self._context
                )
                await self._serve(reader, writer)
            except (RefusedError, ssl.SSLError) as refusal:
                self._refusal = refusal
            except OSError:
                pass  # it is down: try again
            finally:
                self._writer = None
                if writer is not None:
                    await closed(writer)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._connect.write())
        async for packet in packets(reader):
            if not isinstance(packet, mqtt5.ConnAckPacket):
                self.on_packet(packet)
            elif int(packet.reason_code):  # the codec's enums are true, zero too
                raise RefusedError(packet.reason_code.name)
            else:
                self._writer = writer
                self.connections += 1
                self.on_connected(packet)
