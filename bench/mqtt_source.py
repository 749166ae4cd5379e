"""An MQTT 5 server that sends a set number of messages and checks their PUBACKs.

A process of its own (`python -m bench.mqtt_source PLAN`), started by `bench.trial`. It is never the
bottleneck: packets are ready-made rows of one matrix, into which numpy writes ids and numbers;
PUBACKs are checked as an array; it wakes for a sixteenth of the window at a time, or after 1 ms.

With several clients it deals the messages out one by one, in turn, as a broker does among the
members of a share; what a slow one has not taken waits for it and nobody else.
"""

import json
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass

from bench.messages import Load, PacketRing
from bench.mqtt_feed import Feed, milliseconds
from bench.station import Connection, Reception, Stopwatch, emit, fail, word


@dataclass(frozen=True)
class Plan:
    """What a source does, as JSON on its command line."""

    topics: int = 1000
    payload_bytes: int = 200
    qos: int = 1
    window: int = 8192
    warm_up: int = 50_000
    messages: int = 500_000
    clients: int = 1
    """How many must have subscribed before anything is sent."""
    rate: float = 0.0
    """Messages a second, all clients together; 0 for as many as the windows let through."""
    holds: tuple[int, ...] = ()
    """After so many messages, all dealt with, wait for the runner to say `go`."""
    progress_seconds: float = 0.0
    deadline_seconds: float = 120.0

    @property
    def load(self) -> Load:
        """The messages' shape."""
        return Load(self.topics, self.payload_bytes, self.qos)


class Source:
    """Send the plan's messages to the first clients that subscribe."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._total = plan.warm_up + plan.messages
        self._rings = [
            PacketRing(plan.load, every=plan.clients, offset=place) for place in range(plan.clients)
        ]
        self._watch = Stopwatch(plan.warm_up, self._total)
        self._goals = deque([*plan.holds, self._total])
        self._is_held = False
        self._feeds: dict[Connection, Feed] = {}
        self._dealt: list[Feed] = []

    def serve(self) -> None:
        """Listen, send, report; then answer pings until the runner closes the pipe."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            emit("listening", port=listener.getsockname()[1])
            self._reception = Reception(listener, self._plan.window, self._plan.clients)
            self._await_subscriptions()
            self._run()
            emit("result", **self._result())
            while True:
                self._step(100)

    def _subscribed(self) -> list[Connection]:
        found = [one for one in self._reception.connections if one.subscribed]
        return sorted(found, key=lambda one: one.client_id)

    def _await_subscriptions(self) -> None:
        while len(self._subscribed()) < self._plan.clients:
            self._step(100)
        if not self._watch.pids:
            self._hear(word())
        emit("subscribed")

    def _hear(self, said: str) -> None:
        """Take the runner's word: the bridge's process ids, or `go`."""
        if said == "go":
            self._is_held = False
            self._goals.popleft()
        else:
            self._watch.pids = [int(pid) for pid in said.split()]

    def _run(self) -> None:
        deadline = time.monotonic() + self._plan.deadline_seconds
        report = time.monotonic()
        while self._done() < self._total:
            self._offer()
            self._step(50 if self._is_held else 1)
            if len(self._goals) > 1 and self._done() == self._goals[0] and not self._is_held:
                self._is_held = True
                emit("held")
            now = time.monotonic()
            if now > deadline:
                return
            if self._plan.progress_seconds and now >= report:
                report = now + self._plan.progress_seconds
                emit("progress", sent=self._sent(), acknowledged=self._acknowledged())

    def _done(self) -> int:
        return sum(feed.done for feed in self._dealt)

    def _sent(self) -> int:
        return sum(feed.sent for feed in self._dealt)

    def _acknowledged(self) -> int:
        return sum(feed.acks.acknowledged for feed in self._dealt)

    def _offer(self) -> None:
        """Let each client have its part of what the runner allows."""
        goal, clients = self._goals[0], self._plan.clients
        if goal and not self._dealt:
            self._deal()
        for place, feed in enumerate(self._dealt):
            feed.offer((goal - place + clients - 1) // clients)

    def _deal(self) -> None:
        """Say which client gets which messages: from now on all of them must stay."""
        found = self._subscribed()
        if len(found) != self._plan.clients:
            fail(f"{len(found)} of {self._plan.clients} clients are subscribed")
        self._dealt = [self._feeds[one] for one in found]
        for feed, ring in zip(self._dealt, self._rings, strict=True):
            feed.begin(ring, self._plan.rate / self._plan.clients)

    def _step(self, milliseconds: int) -> None:
        """Take in what comes within the time."""
        came, told = self._reception.wait(milliseconds)
        if told:
            self._hear(word())
        now = time.monotonic()
        for one in [*self._reception.connections]:
            feed = self._feeds.get(one)
            if feed is None:
                feed = self._feeds[one] = Feed(one, self._plan.qos)
            feed.look(now, came=one in came)
            if one.is_closed:
                self._gone(one)
        if self._plan.qos and self._watch.pids and self._dealt:
            self._watch.passed(self._acknowledged())

    def _gone(self, one: Connection) -> None:
        """Make room for the next client, if this one was free to leave."""
        feed = self._feeds.pop(one)
        if one.subscribed or (feed.has_begun and self._done() < self._total):
            fail("the bridge closed its connection")
        self._reception.dismiss(one)

    def _result(self) -> dict[str, object]:
        ledgers = [feed.acks for feed in self._dealt]
        skip = self._plan.warm_up // self._plan.clients
        return {
            **self._watch.result(),
            "sent": self._sent(),
            "acknowledged": self._acknowledged(),
            "acks": {
                "unknown": sum(acks.unknown for acks in ledgers),
                "refused": sum(acks.refused for acks in ledgers),
                "order_breaks": sum(acks.order_breaks for acks in ledgers),
            },
            "latency_ms": milliseconds(
                feed.pace.seconds(skip) for feed in self._dealt if feed.pace
            ),
            "plan": asdict(self._plan),
        }


if __name__ == "__main__":
    try:
        Source(Plan(**json.loads(sys.argv[1]))).serve()
    except OSError as error:
        fail(str(error))
