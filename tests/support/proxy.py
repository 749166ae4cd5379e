"""A TCP proxy that makes networks bad, and writes down what went through it, and when."""

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

from tests.support.waiting import eventually_async

_READ_BYTES = 65_536
_QUEUED_CHUNKS = 256
_NEVER = float("inf")
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time to linger: closing sends RST."""


class Chunk(NamedTuple):
    """Bytes as they were handed on."""

    at: float
    """`time.monotonic()`, right before they were handed on."""
    connection: int
    to_server: bool
    data: bytes


@dataclass
class Weather:
    """What the network is like; it can change at any time."""

    latency_seconds: float = 0.0
    """Each way."""
    bytes_per_second: float | None = None
    """Each way and connection."""
    slice_bytes: int | None = None
    """Hand on at most so many bytes at once."""
    stalled: bool = False
    """Nothing is handed on; it is later, when this ends."""
    half_open: bool = False
    """What is sent gets lost, and so does every end of a connection."""
    refusing: bool = False
    """New connections are reset at once."""


def reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with RST."""
    plug: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):  # it has gone before us
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


class Proxy:
    """Accept on a port of 127.0.0.1 and hand on to another one.

    Args:
        target_port: where to.
        port: where it listens; 0 takes a free one.
        record: keep every chunk.
    """

    def __init__(self, target_port: int, port: int = 0, *, record: bool = False) -> None:
        self._target_port, self.port, self._record = target_port, port, record
        self.weather = Weather()
        self.chunks: list[Chunk] = []
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def cut(self) -> None:
        """Reset every connection (RST)."""
        for writer in list(self._open):
            reset(writer)

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._count

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._carry(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # an end was reset, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.weather.refusing:
            reset(writer)
            return
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        ends, number = {writer, to_writer}, self._count
        self._count += 1
        self._open |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, to_writer, number, to_server=True))
                group.create_task(self._pump(to_reader, writer, number, to_server=False))
        except* OSError:  # one end was reset: so is the other
            for end in ends:
                reset(end)
        finally:
            self._open -= ends
            to_writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        number: int,
        *,
        to_server: bool,
    ) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED_CHUNKS)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hand_on(queue, writer, number, to_server=to_server))
            while True:
                data = await reader.read(_READ_BYTES)
                await queue.put((time.monotonic(), data))
                if not data:
                    return

    async def _hand_on(
        self,
        queue: asyncio.Queue[tuple[float, bytes]],
        writer: asyncio.StreamWriter,
        number: int,
        *,
        to_server: bool,
    ) -> None:
        while True:
            came, data = await queue.get()
            await self._due(came)
            if not data:
                break
            for part in _slices(data, self.weather.slice_bytes):
                if self.weather.half_open:
                    continue
                if self._record:
                    self.chunks.append(Chunk(time.monotonic(), number, to_server, part))
                writer.write(part)
                await writer.drain()
                if self.weather.bytes_per_second is not None:
                    await asyncio.sleep(len(part) / self.weather.bytes_per_second)
        if not self.weather.half_open:
            with suppress(OSError):
                writer.write_eof()

    async def _due(self, came: float) -> None:
        def is_due() -> bool:
            due = came + self.weather.latency_seconds
            return not self.weather.stalled and time.monotonic() >= due

        await eventually_async(is_due, _NEVER, every_seconds=0.001)


def _slices(data: bytes, size: int | None) -> list[bytes]:
    return [data[n : n + size] for n in range(0, len(data), size)] if size else [data]
