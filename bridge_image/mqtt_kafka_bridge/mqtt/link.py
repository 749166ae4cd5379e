"""The asyncio transport under a session: one connection, its reading, writing and keep-alive."""

import asyncio
from typing import cast

from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.answers import A, Answers
from mqtt_kafka_bridge.mqtt.events import (
    Acknowledged,
    Connected,
    Event,
    LinkHandler,
    Lost,
    Received,
    Subscribed,
    Unsubscribed,
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

    Reading can be held back for several causes at once, until the last is gone. Pings go out all
    the same, and a PINGRESP that we did not read is not missed.
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
        self._answers = Answers(self.ended, server, self._behind)
        self._opening = True
        """Whether who opens the link hears of its loss, and not the flow."""
        self._holds: set[str] = set()
        self._paused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._cut = False
        self._ending = False
        self._keep_alive = KeepAlive(lambda: self.write(self.session.ping()), self._give_up)

    # What a flow does with it

    async def connect(self, within_seconds: float) -> Connected:
        """Send CONNECT, before anything is awaited, and wait for CONNACK.

        Raises:
            BridgeError: refused, lost, or no answer in time.
        """
        self.write(self.session.connect())
        return await self._open(Connected, within_seconds, "CONNACK")

    async def subscribed(self, within_seconds: float) -> Subscribed:
        """Wait for the SUBACK of the SUBSCRIBE that was just written; raises as `connect`."""
        return await self._open(Subscribed, within_seconds, "SUBACK")

    async def unsubscribed(self, within_seconds: float) -> None:
        """Wait for the UNSUBACK of the UNSUBSCRIBE that was just written.

        Raises:
            BridgeError: refused or no answer in time, and the connection goes on; or it was lost.
        """
        answer = await self._answers.take(Unsubscribed, within_seconds, "UNSUBACK")
        if answer.refusal is not None:
            raise answer.refusal

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

    async def end(self, expiry_seconds: int | None = None) -> None:
        """Say DISCONNECT, half-close, read to the end of file, then close.

        A plain close with unread bytes resets the connection, and the broker then loses our last
        PUBACKs and sends their messages again. TLS has no half-close: there only the rest is done.
        With `expiry_seconds` 0 the session at the broker ends, too; None leaves it as it is.
        Whoever comes second waits for the same end; who is cancelled does not cut it short.
        """
        if self._transport is None:
            self._stop()
            return
        if not self._ending:
            if self.session.state is State.CONNECTED:
                self.write(self.session.disconnect(expiry_seconds=expiry_seconds))
            self._stop()
            self._steer()
            if self._transport.can_write_eof():
                self._transport.write_eof()
        await asyncio.wait({self._closed}, timeout=END_OF_FILE_SECONDS)
        self.abort()

    def abort(self) -> None:
        """Close at once, saying nothing."""
        self._stop()
        if self._transport is not None:
            self._transport.abort()

    # What asyncio does with it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the flow, unless it asked for the end."""
        self._writable.set()
        self._closed.set_result(None)
        if exc is not None and not isinstance(exc, OSError):
            self._crash(exc)
            return
        s = self.session
        answered = s.state is not State.CONNECTING
        self._lose(reasons.lost(exc, s.server, answered=answered, refusal=s.refusal))

    def pause_writing(self) -> None:
        """Note that the socket is full."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Note that the socket takes more."""
        self._writable.set()

    def eof_received(self) -> None:
        """Close when the broker does."""

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
                self._answers.excused = True
                if not self._cut:
                    self._handler.received(event)
            case Acknowledged():
                self._handler.acknowledged(event)
            case Connected() | Subscribed() | Unsubscribed():
                if isinstance(event, Connected):
                    self._keep_alive.start(event.limits.keep_alive_seconds)
                    self._steer()
                self._answers.give(event)
            case Lost(error, reason_code):
                if reason_code is not None:
                    self.write(self.session.disconnect(reason_code))
                self._lose(error)
                self.abort()

    # Inside

    async def _open(self, kind: type[A], within_seconds: float, packet: str) -> A:
        self._opening = True
        answer = await self._answers.take(kind, within_seconds, packet)
        self._opening = False
        return answer

    def _behind(self) -> bool:
        """Whether an answer may stand behind what we do not read; at our end none comes."""
        return self._paused or bool(self.session.unacknowledged) or self._ending

    def _steer(self) -> None:
        """Read, or read no more, as the causes say; all is read before CONNACK and at the end."""
        wanted = bool(self._holds) and self.session.state is State.CONNECTED
        if wanted is self._paused or self._transport is None or self._transport.is_closing():
            return
        self._paused = self._keep_alive.held = wanted
        self._answers.excused = True
        if wanted:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _stop(self) -> None:
        """Write no more, and report nothing any more."""
        self._ending = self._cut = True
        self._keep_alive.stop()

    def _lose(self, error: BridgeError) -> None:
        """Report the end once, to who waits for an answer and to the flow; but see `_opening`."""
        if self._ending:
            return
        self._stop()
        self.ended.set_result(error)
        self._answers.wake()
        if not self._opening:
            self._handler.lost(error)

    def _crash(self, bug: Exception) -> None:
        """Pass on what asyncio caught in a handler of ours: it must not look like a lost link."""
        self._stop()
        if not self.ended.done():
            self.ended.set_exception(bug)
            self._answers.wake()

    def _give_up(self, silent_seconds: float) -> None:
        self._lose(reasons.silent(silent_seconds, self.session.server))
        self.abort()
