"""An MQTT 5 server that takes PUBLISH packets, acknowledges them, and checks what came.

A process of its own (`python -m bench.mqtt_sink PLAN`), started by `bench.trial`. Cheaper than any
bridge: packets of one length are read as a matrix, and one write acknowledges all of a read.
"""

import json
import socket
import sys
import time
from dataclasses import asdict, dataclass

import mqtt5
import numpy as np

from bench.acks import Other
from bench.check import judge
from bench.messages import (
    DEVICE_DIGITS,
    Bytes,
    Ints,
    Load,
    command_topic,
    device_name,
    numbers,
)
from bench.publishes import Packets, split
from bench.station import Connection, Reception, Stopwatch, emit, fail, word

_TOPIC_BYTES = len(command_topic(0))
_DEVICE_IN_TOPIC = command_topic(0).index(device_name(0)) + 1
_PUBACK = (0x40, 0x02)


@dataclass(frozen=True)
class Plan:
    """What a sink expects, as JSON on its command line."""

    topics: int = 1000
    payload_bytes: int = 200
    qos: int = 1
    window: int = 8192
    warm_up: int = 50_000
    messages: int = 500_000
    keyed_topics: bool = True
    """Whether each message's MQTT topic must name its device."""
    deadline_seconds: float = 120.0

    @property
    def load(self) -> Load:
        """The messages' shape."""
        return Load(self.topics, self.payload_bytes, self.qos)


class Sink:
    """Take messages from the first client that publishes."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._total = plan.warm_up + plan.messages
        self._watch = Stopwatch(plan.warm_up, self._total)
        self._device: Ints = np.zeros(2 * self._total, dtype=np.int64)
        self._number: Ints = np.zeros(2 * self._total, dtype=np.int64)
        self._received = 0
        self._wrong_topics = 0
        self._over_window = 0
        self._buffer = bytearray()
        load = plan.load
        self._device_at = np.arange(load.device_at.start, load.device_at.stop) - load.payload_bytes
        self._number_at = np.arange(load.number_at.start, load.number_at.stop) - load.payload_bytes
        self._topic_device_at = np.arange(DEVICE_DIGITS) + _DEVICE_IN_TOPIC

    def serve(self) -> None:
        """Listen, take, report; then answer pings until the runner closes the pipe."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            emit("listening", port=listener.getsockname()[1])
            self._reception = Reception(listener, self._plan.window)
            deadline = time.monotonic() + self._plan.deadline_seconds
            while not self._watch.is_done and time.monotonic() < deadline:
                self._step()
            emit("result", **self._result())
            while True:
                self._step()

    def _step(self) -> None:
        came, told = self._reception.wait(100)
        if told:
            self._watch.pids = [int(word())]
        for one in came:
            data = one.receive()
            self._buffer += data
            packets, used = split(self._buffer, len(self._buffer))
            if len(packets.end):
                self._take(packets, one)
            used += self._answer_others(used, one)
            del self._buffer[:used]
            if one.is_closed:
                self._gone(one)

    def _gone(self, one: Connection) -> None:
        """Make room for the next client, if this one was free to leave."""
        if one.subscribed:
            fail("the bridge closed its connection")
        self._reception.dismiss(one)
        self._buffer.clear()

    def _answer_others(self, at: int, one: Connection) -> int:
        """Answer a packet that is no PUBLISH; return its length."""
        if at == len(self._buffer) or self._buffer[at] & 0xF0 == 0x30:
            return 0
        try:
            packet, used = mqtt5.read(memoryview(bytes(self._buffer[at:])))
        except IndexError:
            return 0
        if not isinstance(packet, Other):
            fail(f"the client sent a {type(packet).__name__}")
        one.answer(packet)
        return used

    def _take(self, packets: Packets, one: Connection) -> None:
        """Acknowledge packets, and note their numbers."""
        if not self._watch.pids:
            self._watch.pids = [int(word())]
        one.subscribed = True  # from here on a closed connection is a fault
        count = len(packets.end)
        rows: Bytes = np.frombuffer(self._buffer, dtype=np.uint8)
        if self._plan.qos:
            acks = np.empty((count, 4), dtype=np.uint8)
            acks[:, :2] = _PUBACK
            acks[:, 2] = rows[packets.packet_id]
            acks[:, 3] = rows[packets.packet_id + 1]
            one.send(acks.tobytes())
            self._over_window += max(0, count - self._plan.window)
        end = packets.end[:, None]
        device = rows[end + self._device_at]
        place = slice(self._received, self._received + count)
        if place.stop > len(self._device):
            fail("the bridge sent everything twice")
        self._device[place] = numbers(device)
        self._number[place] = numbers(rows[end + self._number_at])
        if self._plan.keyed_topics:
            right_length = packets.packet_id - packets.topic == _TOPIC_BYTES
            named = rows[np.minimum(packets.topic[:, None] + self._topic_device_at, len(rows) - 1)]
            right = right_length & (named == device).all(axis=1)
            self._wrong_topics += int(np.count_nonzero(~right))
        self._received += count
        self._watch.passed(self._received)

    def _result(self) -> dict[str, object]:
        verdict = judge(
            self._device[: self._received],
            self._number[: self._received],
            None,
            topics=self._plan.topics,
            sent=self._total,
            wrong_topics=self._wrong_topics,
        )
        return {
            **self._watch.result(),
            "verdict": asdict(verdict),
            "over_window": self._over_window,
            "plan": asdict(self._plan),
        }


if __name__ == "__main__":
    try:
        Sink(Plan(**json.loads(sys.argv[1]))).serve()
    except OSError as error:
        fail(str(error))
