"""Connections in memory: a real `Link` at one end, the simulated broker at the other."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Protocol

from mqtt_kafka_bridge.mqtt.link import Link
from tests.support.simulation.clock import SimulatedLoop
from tests.support.simulation.journal import Journal
from tests.support.simulation.life import Life
from tests.support.simulation.pipe import Pipe

_READ_SECONDS = 0.000_01
_HIGH_WATER_BYTES, _LOW_WATER_BYTES = 16_384, 4_096


class Peer(Protocol):
    """The broker's end."""

    def data(self, data: bytes) -> None:
        """Take bytes from the client."""
        ...

    def written(self, data: bytes) -> None:
        """Look at what the client has just written, before it travels."""
        ...

    def delivered(self, data: bytes) -> None:
        """Look at what the client has just read."""
        ...

    def eof(self) -> None:
        """Learn that the client sends no more."""
        ...

    def closed(self) -> None:
        """Learn that the connection is gone."""
        ...


class Wire(asyncio.Transport):
    """The client's end of one connection, and all that may befall it.

    Args:
        loop: the simulated loop.
        life: whose connection it is.
        rng: decides delays, the sizes of reads, and where a cut falls.
        journal: where faults in the link's callbacks are written down.
        link: the client.
        delay_seconds: mean time on the way.
        read_bytes: most bytes in one read.
    """

    def __init__(
        self,
        loop: SimulatedLoop,
        life: Life,
        rng: Random,
        journal: Journal,
        link: Link,
        delay_seconds: float,
        read_bytes: int,
    ) -> None:
        super().__init__()
        self.black_hole = False
        """Whether everything that is sent vanishes, and nobody is told."""
        self.peer: Peer
        self.life = life
        self._loop = loop
        self._rng = rng
        self._journal = journal
        self._link = link
        self._read_bytes = read_bytes
        self._up = Pipe(loop, lambda: rng.uniform(0, 2 * delay_seconds), self._at_broker)
        self._down = Pipe(loop, lambda: rng.uniform(0, 2 * delay_seconds), self._at_client)
        self._inbox = bytearray()
        self._inbox_ended = False
        self._reading = False
        self._paused = False
        self._full = False
        self._closing = False
        self._broker_told = False

    # What the link does with it

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes to the broker."""
        if self._closing:
            return
        self.peer.written(bytes(data))
        if self.black_hole:
            return
        self._up.push(bytes(data))
        if self._up.size > _HIGH_WATER_BYTES and not self._full:
            self._full = True
            self._call(self._link.pause_writing)

    def can_write_eof(self) -> bool:
        """Half-close, as TCP does."""
        return True

    def write_eof(self) -> None:
        """Send no more."""
        if not self._closing and not self.black_hole:
            self._up.push(None)

    def pause_reading(self) -> None:
        """Read no more."""
        self._paused = True

    def resume_reading(self) -> None:
        """Read again."""
        self._paused = False
        self._read_soon()

    def is_closing(self) -> bool:
        """Tell whether it is over."""
        return self._closing

    def abort(self) -> None:
        """Close at once; with bytes unread it is a reset, and the broker may miss the last ones."""
        if self._closing:
            return
        if not self.black_hole:
            on_the_way = self._up.take()
            self._hand_over(on_the_way, all_of_it=not self._inbox and not self._down.size)
            self._tell_broker()
        self._lose(None)

    # What the broker and faults do with it

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""
        if not self.black_hole and not self._broker_told:
            self._down.push(data)

    def close_by_broker(self) -> None:
        """Send the end of file after what is on its way."""
        if not self.black_hole and not self._broker_told:
            self._down.push(None)
        self._tell_broker()

    def cut(self) -> None:
        """Cut the connection at some byte of what is on its way, both ways."""
        if self._closing:
            return
        pieces = b"".join(piece for piece in self._down.take() if piece)
        if self.black_hole:
            pieces = b""  # What is before it has vanished, and TCP leaves no gap.
        self._inbox += pieces[: self._rng.randint(0, len(pieces))]
        if self.life.running:
            self.life.context.copy().run(self._read_all)
        self._hand_over(self._up.take(), all_of_it=False)
        self._tell_broker()
        self._lose(ConnectionResetError("cut"))

    # Inside

    def _read_all(self) -> None:
        while self._inbox and not self._paused and not self._closing:
            self._read_once()

    def _hand_over(self, pieces: list[bytes | None], *, all_of_it: bool) -> None:
        data = b"" if self.black_hole else b"".join(piece for piece in pieces if piece)
        if not all_of_it:
            data = data[: self._rng.randint(0, len(data))]
        if data and not self._broker_told:
            self.peer.data(data)

    def _tell_broker(self) -> None:
        if not self._broker_told:
            self._broker_told = True
            self.peer.closed()

    def _lose(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self.life.soon(self._call, self._link.connection_lost, error)

    def _at_broker(self, piece: bytes | None) -> None:
        if self.black_hole or self._broker_told:
            return
        if piece is None:
            self.peer.eof()
        else:
            self.peer.data(piece)
        if self._full and self._up.size < _LOW_WATER_BYTES and not self._closing:
            self._full = False
            self.life.soon(self._call, self._link.resume_writing)

    def _at_client(self, piece: bytes | None) -> None:
        if self.black_hole or self._closing:
            return
        if piece is None:
            self._inbox_ended = True
        else:
            self._inbox += piece
        self._read_soon()

    def _read_soon(self) -> None:
        if not self._reading and not self._closing and (self._inbox or self._inbox_ended):
            self._reading = True
            self._loop.call_later(_READ_SECONDS, self._read, context=self.life.context)

    def _read(self) -> None:
        self._reading = False
        if self._paused or self._closing:
            return
        if self._inbox:
            self._read_once()
            self._read_soon()
        elif self._inbox_ended:
            self._call(self._link.eof_received)
            self._lose(None)

    def _read_once(self) -> None:
        room = self._link.get_buffer(-1)
        size = min(len(self._inbox), len(room), self._rng.randint(1, self._read_bytes))
        data = bytes(self._inbox[:size])
        room[:size] = data
        del self._inbox[:size]
        self.peer.delivered(data)
        self._call(self._link.buffer_updated, size)

    def _call(self, callback: Callable[..., object], *args: object) -> None:
        """Call the link; asyncio would log an error and close, here it is a broken promise."""
        try:
            callback(*args)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a bug of the link's flow
            self._journal.wrong("crash", f"{callback.__name__}: {error!r}")
            self.abort()
