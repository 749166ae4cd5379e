"""What source and sink have in common: events on stdout, words on stdin, one MQTT connection."""

import json
import os
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict
from typing import NoReturn

import mqtt5

from bench.acks import Other
from bench.processes import Lap, memory_mib

_STDIN = 0
_READ_BYTES = 1 << 20


def emit(event: str, **fields: object) -> None:
    """Tell the runner something, as a line of JSON."""
    print(json.dumps({"event": event, **fields}), flush=True)


def fail(why: str) -> NoReturn:
    """Tell the runner why this measurement is void, and end."""
    emit("failed", why=why)
    sys.exit(1)


def word() -> str:
    """Return the runner's next word; end when the runner has closed the pipe."""
    text = os.read(_STDIN, 100)
    if not text:
        sys.exit(0)
    return text.decode().strip()


class Connection:
    """The one connection that counts: non-blocking, nothing copied that needn't be."""

    def __init__(self, listener: socket.socket, window: int) -> None:
        self._listener = listener
        self._announced = window
        self._poll = select.poll()
        self._poll.register(_STDIN, select.POLLIN)
        self._out: deque[memoryview] = deque()
        self.window = window
        self.subscribed = False
        self._socket = self._accept()

    def _accept(self) -> socket.socket:
        connection, _ = self._listener.accept()
        connection.settimeout(0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(connection, select.POLLIN)
        return connection

    def wait(self, milliseconds: int) -> tuple[bool, bool]:
        """Wait for the peer; return whether bytes came, and whether the runner has a word."""
        wanted = select.POLLIN | (select.POLLOUT if self._out else 0)
        self._poll.modify(self._socket, wanted)
        ready = dict(self._poll.poll(milliseconds))
        state = ready.get(self._socket.fileno(), 0)
        if state & select.POLLOUT:
            self.flush()
        return bool(state & ~select.POLLOUT), _STDIN in ready

    def wake_at(self, count: int) -> None:
        """Be woken only when so many bytes have come, or by the time-out of `wait`."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, max(count, 1))

    def receive(self) -> bytes:
        """Return what came; a closed connection makes way for the next, if it never subscribed."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return b""
        except ConnectionResetError:
            data = b""
        if not data:
            if self.subscribed:
                fail("the bridge closed its connection")
            self._poll.unregister(self._socket)
            self._socket.close()
            self._out.clear()
            self._socket = self._accept()
        return data

    def send(self, data: bytes | memoryview) -> None:
        """Send, or keep for later what the socket does not take."""
        self._out.append(memoryview(data))
        self.flush()

    def flush(self) -> None:
        """Send what is left."""
        while self._out:
            try:
                done = self._socket.send(self._out[0])
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self._out.clear()  # the next receive sees it
                return
            if done == len(self._out[0]):
                self._out.popleft()
            else:
                self._out[0] = self._out[0][done:]

    @property
    def is_clear(self) -> bool:
        """Whether everything has left."""
        return not self._out

    def answer(self, packet: Other) -> None:
        """Answer whatever is neither PUBLISH nor PUBACK."""
        match packet:
            case mqtt5.ConnectPacket():
                self.window = min(self._announced, packet.receive_max)
                self.send(mqtt5.ConnAckPacket(receive_max=self._announced).write())
            case mqtt5.SubscribePacket():
                granted = [
                    mqtt5.SubAckReasonCode(min(wanted.max_qos.value, 1))
                    for wanted in packet.topic_filters
                ]
                self.send(mqtt5.SubAckPacket(packet.packet_id, granted).write())
                self.subscribed = True
            case mqtt5.UnsubscribePacket():
                codes = [mqtt5.UnsubAckReasonCode.SUCCESS for _ in packet.patterns]
                self.send(mqtt5.UnsubAckPacket(packet.packet_id, codes).write())
            case mqtt5.PingReqPacket():
                self.send(mqtt5.PingRespPacket().write())
            case mqtt5.DisconnectPacket():
                self.subscribed = False  # the end of file that follows is no fault


class Stopwatch:
    """The clocks at the first and at the last counted message."""

    def __init__(self, warm_up: int, total: int) -> None:
        self._goals = deque([warm_up, total])
        self._laps: list[Lap] = []
        self.pid = 0

    def passed(self, messages: int) -> None:
        """Note a lap when a goal is reached."""
        while self._goals and messages >= self._goals[0]:
            self._goals.popleft()
            self._laps.append(Lap.read(self.pid, messages))
            emit("flowing" if self._goals else "finished")

    @property
    def is_done(self) -> bool:
        """Whether the last message was counted."""
        return not self._goals

    def result(self) -> dict[str, object]:
        """Return both laps and the bridge's memory, for the runner's arithmetic."""
        return {
            "complete": self.is_done,
            "laps": [asdict(lap) for lap in self._laps],
            "rss_peak_mib": memory_mib(self.pid, "VmHWM"),
            "at": time.monotonic(),
        }
