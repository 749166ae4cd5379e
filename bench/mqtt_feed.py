"""What one client of the source gets, within its window, and what it acknowledges."""

import time
from collections.abc import Iterable

import numpy as np

from bench.acks import AckLedger
from bench.messages import PACKET_IDS, Ints, PacketRing
from bench.station import Connection

_BLOCK = 2048
_PUBACK_BYTES = 4
_PATIENCE_SECONDS = 0.001
_LATE_SECONDS = 0.002

Seconds = np.ndarray[tuple[int], np.dtype[np.float64]]


class Latencies:
    """Seconds from a message's departure to its PUBACK, which follows its being stored.

    A message that left more than 2 ms late (the window was full, or the machine was) counts from
    the moment at which it was due, so that a stall is not hidden by the messages that it held up.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start = time.monotonic()
        self._sent_at = np.zeros(PACKET_IDS + 1)
        self._seconds: list[Seconds] = []

    def due(self, now: float) -> int:
        """Return how many messages should have left by now."""
        return int((now - self._start) * self._rate)

    def sent(self, first: int, count: int, now: float) -> None:
        """Note when messages left."""
        index = np.arange(first, first + count, dtype=np.int64)
        due = self._start + index / self._rate
        self._sent_at[index % PACKET_IDS + 1] = np.where(now - due < _LATE_SECONDS, now, due)

    def acknowledged(self, ids: Ints, now: float) -> None:
        """Note when PUBACKs came."""
        self._seconds.append(now - self._sent_at[ids])

    def seconds(self, skip: int) -> Seconds:
        """Return all of them but the first, `skip` many."""
        return np.concatenate([*self._seconds, np.zeros(0)])[skip:]


def milliseconds(parts: Iterable[Seconds]) -> dict[str, float]:
    """Return the percentiles of latencies."""
    values = np.concatenate([*parts, np.zeros(0)]) * 1000
    if not len(values):
        return {}
    marks = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
    return {name: float(np.percentile(values, mark)) for name, mark in marks.items()}


class Feed:
    """Messages for one client, and their PUBACKs: packets of a ring, from the first on."""

    def __init__(self, connection: Connection, qos: int) -> None:
        self.acks = AckLedger()
        self.sent = 0
        self.pace: Latencies | None = None
        self._connection = connection
        self._qos = qos
        self._ring: PacketRing | None = None
        self._looked_at = 0.0
        self._was_idle = True

    def begin(self, ring: PacketRing, rate: float) -> None:
        """Send from now on, at so many messages a second; 0 for as many as the window lets."""
        self._ring = ring
        if rate:
            self.pace = Latencies(rate)
        elif self._qos:
            self._connection.wake_at(self._connection.window // 16 * _PUBACK_BYTES)

    @property
    def has_begun(self) -> bool:
        """Whether it has messages of its own."""
        return self._ring is not None

    @property
    def done(self) -> int:
        """How many messages are dealt with: acknowledged, or at QoS 0 gone."""
        if self._qos:
            return self.acks.acknowledged
        return self.sent if self._connection.is_clear else self.sent - 1

    def offer(self, goal: int) -> None:
        """Send what the window and the pace allow, up to `goal` messages in all."""
        while self._connection.is_clear and self.sent < goal:
            now = time.monotonic()
            room = goal - self.sent
            window = self._connection.window
            if self._qos:
                room = min(room, window - self.sent + self.acks.acknowledged)
            if self.pace:
                room = min(room, self.pace.due(now) - self.sent)
            elif room < min(window // 16, goal - self.sent) and not self._was_idle:
                return
            room = min(room, _BLOCK)
            if room <= 0 or (self._qos and not self.acks.is_free(self.sent, room)):
                return
            self._send(room, now)

    def _send(self, room: int, now: float) -> None:
        if self._ring is None:
            raise RuntimeError("a feed sends after it has begun")
        packets = self._ring.packets(self.sent, room)
        count = len(packets) // self._ring.packet_bytes
        if self._qos:
            self.acks.sent(self.sent, count)
        if self.pace:
            self.pace.sent(self.sent, count, now)
        self.sent += count
        self._connection.send(packets)

    def look(self, now: float, *, came: bool) -> None:
        """Take in what came; where it is less than is waited for, once a millisecond."""
        if not came and now - self._looked_at < _PATIENCE_SECONDS:
            return
        self._looked_at, self._was_idle = now, not came
        ids, others = self.acks.feed(self._connection.receive())
        for packet in others:
            self._connection.answer(packet)
        if self.pace:
            self.pace.acknowledged(ids, time.monotonic())
