"""The asyncio transport under a session: one connection, its reading, writing and keep-alive."""

import asyncio
from typing import Protocol, cast

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, PassingError
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected, Event, Lost, Received, Subscribed
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer, Reader
from mqtt_kafka_bridge.mqtt.session import Options, Session, State

_FULL_READ_BYTES = 65_536
"""A read of this size came from a backlog: spacing it further out gains nothing."""
END_OF_FILE_SECONDS = 2.0
"""Longest wait for the broker's end of file after our DISCONNECT."""


class LinkHandler(Protocol):
    """What a link tells its flow, from within the event loop; none of these may block."""

    def received(self, event: Received) -> None:
        """Take messages."""
        ...

    def acknowledged(self, event: Acknowledged) -> None:
        """Take PUBACKs."""
        ...

    def lost(self, error: BridgeError) -> None:
        """Learn that the connection is over; called once, and only if it ended by itself."""
        ...


class Watcher(LinkHandler, Protocol):
    """A handler that also learns of bugs."""

    def crashed(self, error: Exception) -> None:
        """Learn that a handler raised: a bug of ours, which must not look like a lost link."""
        ...


class Link(asyncio.BufferedProtocol):
    """One connection to the broker.

    Reading can be held back for several causes at once; it goes on when the last is gone. Pings go
    out all the same, and a PINGRESP that we did not read is not missed.
    """

    def __init__(self, options: Options, server: str, handler: Watcher, buffer: ReadBuffer) -> None:
        self.session = Session(options, server)
        self.gap_seconds = 0.0
        """Pause after a small read, so that the next brings more; set while the rate is high."""
        self.closed = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._handler = handler
        self._reader = Reader(self.session, buffer)
        self._transport: asyncio.Transport | None = None
        self._answers: asyncio.Queue[Connected | Subscribed | BridgeError] = asyncio.Queue()
        self._waiting = True
        self._error: BridgeError | None = None
        self._holds: set[str] = set()
        self._writable = asyncio.Event()
        self._writable.set()
        self._cut = False
        self._ending = False
        self._keep_alive: asyncio.TimerHandle | None = None
        self._sent_at = self._heard_at = self._loop.time()

    # What a flow does with it

    async def connected(self, within_seconds: float) -> Connected:
        """Wait for CONNACK.

        Raises:
            BridgeError: refused, lost, or no answer in time.
        """
        answer = await self._answered(within_seconds, "CONNACK")
        return cast("Connected", answer)

    async def subscribed(self, within_seconds: float) -> Subscribed:
        """Wait for the SUBACK of the SUBSCRIBE that was just written; raises as `connected`."""
        answer = await self._answered(within_seconds, "SUBACK")
        return cast("Subscribed", answer)

    def write(self, data: bytes) -> None:
        """Send bytes that the session returned; nothing happens on a connection that is over."""
        if self._transport is not None and not self._transport.is_closing():
            self._sent_at = self._loop.time()
            self._transport.write(data)

    async def writable(self) -> None:
        """Wait until the socket takes more."""
        await self._writable.wait()

    def hold(self, cause: str) -> None:
        """Read no more from the socket until `release` of the same cause."""
        if not self._holds and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._holds.add(cause)

    def release(self, cause: str) -> None:
        """Read again, unless another cause holds."""
        if cause not in self._holds:
            return
        self._holds.discard(cause)
        if not self._holds and self._transport is not None and not self._transport.is_closing():
            self._heard_at = self._loop.time()
            self._transport.resume_reading()

    def cut(self) -> None:
        """Throw away, unacknowledged, whatever messages still come: others will get them."""
        self._cut = True

    async def end(self) -> None:
        """Say DISCONNECT, half-close, read to the end of file, then close.

        A plain close with unread bytes resets the connection, and the broker then loses our last
        PUBACKs and sends their messages again.
        """
        if self.closed.done() or self._transport is None:
            self.abort()
            return
        self._ending = True
        self.cut()
        for cause in tuple(self._holds):
            self.release(cause)
        if self.session.state is State.CONNECTED:
            self.write(self.session.disconnect())
        if self._transport.can_write_eof():
            self._transport.write_eof()
        try:
            async with asyncio.timeout(END_OF_FILE_SECONDS):
                await asyncio.shield(self.closed)
        except TimeoutError:
            pass
        finally:
            self.abort()

    def abort(self) -> None:
        """Close at once, saying nothing."""
        self._ending = True
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        if self._transport is not None:
            self._transport.abort()
        elif not self.closed.done():
            self.closed.set_result(None)

    # What asyncio does with it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT."""
        self._transport = cast("asyncio.Transport", transport)
        self.write(self.session.connect())

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the flow, unless it asked for the end."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        self._writable.set()
        if not self.closed.done():
            self.closed.set_result(None)
        if exc is not None and not isinstance(exc, OSError):
            self._ending = True
            self._handler.crashed(exc)  # what asyncio caught in a handler of ours
            return
        why = str(exc) if exc else "it closed the connection without a reason"
        self._lose(PassingError(Reason.MQTT_DISCONNECTED, f"lost {self.session.server}: {why}"))

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
        self._heard_at = self._loop.time()
        events = self._reader.filled(nbytes)
        for event in events:
            self._hand_on(event)
        if self.gap_seconds and nbytes < _FULL_READ_BYTES and not self._holds:
            self.hold("gap")
            self._loop.call_later(self.gap_seconds, self.release, "gap")

    def _hand_on(self, event: Event) -> None:
        match event:
            case Received():
                if not self._cut:
                    self._handler.received(event)
            case Acknowledged():
                self._handler.acknowledged(event)
            case Connected():
                if event.limits.keep_alive_seconds:
                    self._tick(event.limits.keep_alive_seconds)
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
        while self._error is None:
            try:
                async with asyncio.timeout(within_seconds):
                    answer = await self._answers.get()
            except TimeoutError:
                if self._holds or self.session.unacknowledged:
                    continue  # It may stand behind what we do not read, or do not acknowledge.
                raise PassingError(
                    Reason.MQTT_UNREACHABLE,
                    f"{self.session.server} sent no {what} within {within_seconds:g} s",
                    "check that the address is an MQTT 5 broker's and speaks TLS as configured",
                ) from None
            if isinstance(answer, BridgeError) or self._error is not None:
                break  # Lost, perhaps while the answer waited to be taken.
            self._waiting = False
            return answer
        assert self._error is not None  # noqa: S101 - the only way out of the loop
        raise self._error

    def _lose(self, error: BridgeError) -> None:
        """Report the end once: to whoever waits for an answer, else to the flow."""
        if self._ending:
            return
        self._ending, self._error = True, error
        if self._waiting:
            self._answers.put_nowait(error)
        else:
            self._handler.lost(error)

    def _tick(self, keep_alive_seconds: int) -> None:
        """Ping when half the keep-alive passed in silence; give up when a ping stays unanswered.

        While we hold back reading an answer can't be seen, so its absence proves nothing.
        """
        now, session = self._loop.time(), self.session
        silent = now - self._heard_at
        if session.awaiting_pong and not self._holds and silent > keep_alive_seconds:
            self._lose(
                PassingError(
                    Reason.MQTT_UNREACHABLE,
                    f"{session.server} did not answer PINGREQ for {silent:.0f} s",
                    "check the network between the bridge and the broker",
                )
            )
            self.abort()
            return
        half = keep_alive_seconds / 2
        if now - self._sent_at >= half or silent >= half:
            self.write(session.ping())
        self._keep_alive = self._loop.call_later(half / 2, self._tick, keep_alive_seconds)
