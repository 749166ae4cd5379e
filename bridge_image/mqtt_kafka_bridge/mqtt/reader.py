"""Whole packets out of reads of any size, with one buffer for all connections of a loop."""

from mqtt_kafka_bridge.mqtt.events import Event, Lost
from mqtt_kafka_bridge.mqtt.packets import announced_size, within
from mqtt_kafka_bridge.mqtt.reasons import packet_too_large
from mqtt_kafka_bridge.mqtt.session import Session, State

READ_BUFFER_BYTES = 262_144
_PACKET_TOO_LARGE = 0x95


class ReadBuffer:
    """One buffer for all connections of a loop: a read and its parsing are one synchronous step."""

    def __init__(self, size: int = READ_BUFFER_BYTES) -> None:
        self.view = memoryview(bytearray(size))


class Reader:
    """The bytes of one connection that are no whole packet yet.

    A short rest waits as bytes and is put before the next read. A packet larger than the shared
    buffer gets a buffer of just its own size, at most the Maximum Packet Size that we announced.
    """

    def __init__(self, session: Session, shared: ReadBuffer) -> None:
        self._session = session
        self._limit = session.options.maximum_packet_size
        self._shared = shared.view
        self._rest = b""
        self._large: memoryview | None = None
        self._large_filled = 0

    def room(self) -> memoryview:
        """Return where the next read goes; never empty."""
        if self._large is not None:
            return self._large[self._large_filled :]
        rest = self._rest
        if rest:
            self._shared[: len(rest)] = rest
            return self._shared[len(rest) :]
        return self._shared

    def filled(self, size: int) -> list[Event]:
        """Take `size` bytes that were read into `room`; return what whole packets say."""
        if self._session.state is State.CLOSED:
            self._rest, self._large = b"", None
            return []
        if self._large is not None:
            self._large_filled += size
            if self._large_filled < len(self._large):
                return []
            data, self._large = self._large, None
        else:
            data = self._shared[: len(self._rest) + size]
        allowed = data if len(data) <= self._limit else within(data, self._limit)
        consumed, events = self._session.receive(allowed)
        if events and isinstance(events[-1], Lost):
            self._rest = b""
            return events
        rest = data[consumed:]
        self._rest = bytes(rest)
        if rest:
            self._expect(rest, events)
        return events

    def _expect(self, rest: memoryview, events: list[Event]) -> None:
        """Make room for the packet that begins with `rest`, or refuse it."""
        size = announced_size(rest)
        if size is None:
            return
        if size > self._limit:
            error = packet_too_large(size, self._limit, self._session.server)
            self._session.state = State.CLOSED
            events.append(Lost(error, _PACKET_TOO_LARGE))
        elif size > len(self._shared):
            self._large = memoryview(bytearray(size))
            self._large[: len(rest)] = rest
            self._large_filled, self._rest = len(rest), b""
