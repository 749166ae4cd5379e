"""The asyncio transport under a session: one connection, its reading, writing and keep-alive."""

import asyncio
from typing import cast

from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.events import (
    Acknowledged,
    Connected,
    Event,
    LinkHandler,
    Lost,
    Received,
    Subscribed,
)
from mqtt_kafka_bridge.mqtt.keep_alive import KeepAlive
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer, Reader
from mqtt_kafka_bridge.mqtt.session import Options, Session, State

_FULL_READ_BYTES = 65_536
"""A read of this size came from a backlog: spacing it further out gains nothing."""
END_OF_FILE_SECONDS = 2.0
"""Longest wait for the broker's end of file after our DISCONNECT."""


class Link(asyncio.BufferedProtocol):
    """One connection to the broker.

    Reading can be held back for several causes at once; it goes on when the last is gone. Pings go
    out all the same, and a PINGRESP that we did not read is not missed.
    """

    def __init__(
        self, options: Options, server: str, handler: LinkHandler, buffer: ReadBuffer
    ) -> None:
        self.session = Session(options, server)
        self.gap_seconds = 0.0
        """Pause after a small read, so that the next brings more; set while the rate is high."""
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[BridgeError] = self._loop.create_future()
        """Why it ended by itself; a bug in a handler of ours is its exception."""
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._handler = handler
        self._reader = Reader(self.session, buffer)
        self._transport: asyncio.Transport | None = None
        self._answers: asyncio.Queue[Connected | Subscribed | None] = asyncio.Queue()
        self._waiting = True
        self._excused = False
        self._holds: set[str] = set()
        self._paused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._cut = False
        self._ending = False
        self._keep_alive = KeepAlive(lambda: self.write(self.session.ping()), self._give_up)

    # What a flow does with it

    async def connected(self, within_seconds: float) -> Connected:
        """Wait for CONNACK.

        Raises:
            BridgeError: refused, lost, or no answer in time.
        """
        return cast("Connected", await self._answered(within_seconds, "CONNACK"))

    async def subscribed(self, within_seconds: float) -> Subscribed:
        """Wait for the SUBACK of the SUBSCRIBE that was just written; raises as `connected`."""
        return cast("Subscribed", await self._answered(within_seconds, "SUBACK"))

    def write(self, data: bytes) -> None:
        """Send bytes that the session returned; nothing happens on a connection that is over."""
        if self._transport is not None and not self._ending and not self._transport.is_closing():
            self._keep_alive.idle = 0
            self._transport.write(data)
            if "window" in self._holds and not self.session.exceeded:
                self.release("window")

    async def writable(self) -> None:
        """Wait until the socket takes more."""
        await self._writable.wait()

    def hold(self, cause: str) -> None:
        """Read no more from the socket until `release` of the same cause; CONNACK still is."""
        self._holds.add(cause)
        self._steer()

    def release(self, cause: str) -> None:
        """Read again, unless another cause holds."""
        self._holds.discard(cause)
        self._steer()

    def cut(self) -> None:
        """Throw away, unacknowledged, whatever messages still come: others will get them."""
        self._cut = True

    async def end(self) -> None:
        """Say DISCONNECT, half-close, read to the end of file, then close.

        A plain close with unread bytes resets the connection, and the broker then loses our last
        PUBACKs and sends their messages again.
        """
        if self._transport is None or self._ending:
            self.abort()
            return
        if self.session.state is State.CONNECTED:
            self.write(self.session.disconnect())
        self._stop()
        self._steer()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        try:
            async with asyncio.timeout(END_OF_FILE_SECONDS):
                await asyncio.shield(self._closed)
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once, saying nothing."""
        self._stop()
        if self._transport is not None:
            self._transport.abort()

    # What asyncio does with it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT."""
        self._transport = cast("asyncio.Transport", transport)
        self.write(self.session.connect())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the flow, unless it asked for the end."""
        self._writable.set()
        self._closed.set_result(None)
        if exc is not None and not isinstance(exc, OSError):
            self._crash(exc)
            return
        answered = self.session.state is not State.CONNECTING
        self._lose(reasons.lost(exc, self.session.server, answered=answered))

    def pause_writing(self) -> None:
        """Note that the socket is full."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Note that the socket takes more."""
        self._writable.set()

    def eof_received(self) -> bool:
        """Close when the broker does."""
        return False

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return room behind the bytes of a packet that is not complete yet."""
        del sizehint
        return self._reader.room()

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read and hand it on; then perhaps pause, so that the next read is full."""
        self._keep_alive.silent = 0
        events = self._reader.filled(nbytes)
        for event in events:
            self._hand_on(event)
        if self.session.exceeded:
            self.hold("window")
        elif self.gap_seconds and nbytes < _FULL_READ_BYTES and not self._holds:
            self.hold("gap")
            self._loop.call_later(self.gap_seconds, self.release, "gap")

    def _hand_on(self, event: Event) -> None:
        match event:
            case Received():
                self._excused = True
                if not self._cut:
                    self._handler.received(event)
            case Acknowledged():
                self._handler.acknowledged(event)
            case Connected():
                self._keep_alive.start(event.limits.keep_alive_seconds)
                self._steer()
                self._answers.put_nowait(event)
            case Subscribed():
                self._answers.put_nowait(event)
            case Lost(error, reason_code):
                if reason_code is not None:
                    self.write(self.session.disconnect(reason_code))
                self._lose(error)
                self.abort()

    # Inside

    async def _answered(self, within_seconds: float, what: str) -> Connected | Subscribed:
        self._waiting = True
        while not self.ended.done():
            self._excused = False
            try:
                async with asyncio.timeout(within_seconds):
                    answer = await self._answers.get()
            except TimeoutError:
                # It may stand behind what we do not read or acknowledge; at the end none comes.
                behind = self._paused or self._excused or self.session.unacknowledged
                if behind or self._ending:
                    continue
                raise reasons.no_answer(what, within_seconds, self.session.server) from None
            if answer is not None and not self.ended.done():
                self._waiting = False
                return answer
        raise self.ended.result()

    def _steer(self) -> None:
        """Read, or read no more, as the causes say; all is read before CONNACK and at the end."""
        wanted = bool(self._holds) and self.session.state is State.CONNECTED
        if wanted is self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = self._keep_alive.held = wanted
        self._excused = True
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _stop(self) -> None:
        """Write no more, and report nothing any more."""
        self._ending = self._cut = True
        self._keep_alive.stop()

    def _lose(self, error: BridgeError) -> None:
        """Report the end once: to whoever waits for an answer, else to the flow."""
        if self._ending:
            return
        self._stop()
        self.ended.set_result(error)
        if self._waiting:
            self._answers.put_nowait(None)
        else:
            self._handler.lost(error)

    def _crash(self, bug: Exception) -> None:
        """Pass on what asyncio caught in a handler of ours: it must not look like a lost link."""
        self._stop()
        if not self.ended.done():
            self.ended.set_exception(bug)
            self._answers.put_nowait(None)

    def _give_up(self, silent_seconds: float) -> None:
        self._lose(reasons.silent(silent_seconds, self.session.server))
        self.abort()
