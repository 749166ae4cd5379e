"""An MQTT 5 server that sends a set number of messages and checks their PUBACKs.

A process of its own (`python -m bench.mqtt_source PLAN`), started by `bench.trial`. It is never the
bottleneck: packets are ready-made rows of one matrix, into which numpy writes ids and numbers;
PUBACKs are checked as an array; it wakes for a sixteenth of the window at a time, or after 1 ms.
"""

import json
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass

import numpy as np

from bench.acks import AckLedger
from bench.messages import PACKET_IDS, Ints, Load, PacketRing
from bench.station import Connection, Stopwatch, emit, fail, word

_BLOCK = 2048
_PUBACK_BYTES = 4
_LATE_SECONDS = 0.002


@dataclass(frozen=True)
class Plan:
    """What a source does, as JSON on its command line."""

    topics: int = 1000
    payload_bytes: int = 200
    qos: int = 1
    window: int = 8192
    warm_up: int = 50_000
    messages: int = 500_000
    rate: float = 0.0
    """Messages a second; 0 for as many as the window lets through."""
    holds: tuple[int, ...] = ()
    """After so many messages, all dealt with, wait for the runner to say `go`."""
    progress_seconds: float = 0.0
    deadline_seconds: float = 120.0

    @property
    def load(self) -> Load:
        """The messages' shape."""
        return Load(self.topics, self.payload_bytes, self.qos)


class Latencies:
    """Seconds from a message's departure to its PUBACK, which follows its being stored.

    A message that left more than 2 ms late (the window was full, or the machine was) counts from
    the moment at which it was due, so that a stall is not hidden by the messages that it held up.
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start = time.monotonic()
        self._sent_at = np.zeros(PACKET_IDS + 1)
        self._seconds: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []

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

    def milliseconds(self, skip: int) -> dict[str, float]:
        """Return the percentiles, warm-up left out."""
        values = np.concatenate([*self._seconds, np.zeros(0)])[skip:] * 1000
        if not len(values):
            return {}
        marks = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
        return {name: float(np.percentile(values, mark)) for name, mark in marks.items()}


class Source:
    """Send the plan's messages to the first client that subscribes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._total = plan.warm_up + plan.messages
        self._ring = PacketRing(plan.load)
        self._acks = AckLedger()
        self._watch = Stopwatch(plan.warm_up, self._total)
        self._goals = deque([*plan.holds, self._total])
        self._is_held = False
        self._sent = 0
        self._was_idle = True
        self._pace: Latencies | None = None

    def serve(self) -> None:
        """Listen, send, report; then answer pings until the runner closes the pipe."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            emit("listening", port=listener.getsockname()[1])
            self._link = Connection(listener, self._plan.window)
            self._await_subscription()
            self._pace = Latencies(self._plan.rate) if self._plan.rate else None
            if self._plan.qos and not self._pace:
                self._link.wake_at(self._link.window // 16 * _PUBACK_BYTES)
            self._run()
            emit("result", **self._result())
            while True:
                self._step(100)

    def _await_subscription(self) -> None:
        while not self._link.subscribed:
            self._step(100)
        if not self._watch.pid:
            self._hear(word())
        emit("subscribed", window=self._link.window)

    def _hear(self, said: str) -> None:
        """Take the runner's word: the bridge's process id, or `go`."""
        if said == "go":
            self._is_held = False
            self._goals.popleft()
        else:
            self._watch.pid = int(said)

    def _run(self) -> None:
        deadline = time.monotonic() + self._plan.deadline_seconds
        report = time.monotonic()
        while self._done() < self._total:
            self._offer()
            self._was_idle = not self._step(50 if self._is_held else 1)
            if len(self._goals) > 1 and self._done() == self._goals[0] and not self._is_held:
                self._is_held = True
                emit("held")
            now = time.monotonic()
            if now > deadline:
                return
            if self._plan.progress_seconds and now >= report:
                report = now + self._plan.progress_seconds
                emit("progress", sent=self._sent, acknowledged=self._acks.acknowledged)

    def _done(self) -> int:
        """Return how many messages are dealt with: acknowledged, or at QoS 0 gone."""
        if self._plan.qos:
            return self._acks.acknowledged
        return self._sent if self._link.is_clear else self._sent - 1

    def _offer(self) -> None:
        """Send what the window, the pace and the runner allow."""
        goal = self._goals[0]
        while self._link.is_clear and self._sent < goal:
            now = time.monotonic()
            room = goal - self._sent
            if self._plan.qos:
                room = min(room, self._link.window - self._sent + self._acks.acknowledged)
            if self._pace:
                room = min(room, self._pace.due(now) - self._sent)
            elif room < min(self._link.window // 16, goal - self._sent) and not self._was_idle:
                return
            room = min(room, _BLOCK)
            if room <= 0 or (self._plan.qos and not self._acks.is_free(self._sent, room)):
                return
            self._send(room, now)

    def _send(self, room: int, now: float) -> None:
        packets = self._ring.packets(self._sent, room)
        count = len(packets) // self._ring.packet_bytes
        if self._plan.qos:
            self._acks.sent(self._sent, count)
        if self._pace:
            self._pace.sent(self._sent, count, now)
        self._sent += count
        self._link.send(packets)

    def _step(self, milliseconds: int) -> bool:
        """Take in what comes within the time; return false when the time ran out."""
        came, told = self._link.wait(milliseconds)
        if told:
            self._hear(word())
        ids, others = self._acks.feed(self._link.receive())
        for packet in others:
            self._link.answer(packet)
        if self._pace:
            self._pace.acknowledged(ids, time.monotonic())
        if self._plan.qos and self._watch.pid:
            self._watch.passed(self._acks.acknowledged)
        return came

    def _result(self) -> dict[str, object]:
        acks = self._acks
        return {
            **self._watch.result(),
            "sent": self._sent,
            "acknowledged": acks.acknowledged,
            "acks": {
                "unknown": acks.unknown,
                "refused": acks.refused,
                "order_breaks": acks.order_breaks,
            },
            "latency_ms": self._pace.milliseconds(self._plan.warm_up) if self._pace else {},
            "plan": asdict(self._plan),
        }


if __name__ == "__main__":
    try:
        Source(Plan(**json.loads(sys.argv[1]))).serve()
    except OSError as error:
        fail(str(error))
