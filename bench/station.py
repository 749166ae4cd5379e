"""What source and sink have in common: events on stdout, words on stdin, MQTT connections."""

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
    """A client's connection: non-blocking, nothing copied that needn't be."""

    def __init__(self, accepted: socket.socket, window: int) -> None:
        self._socket = accepted
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._announced = window
        self._out: deque[memoryview] = deque()
        self.window = window
        self.client_id = ""
        self.subscribed = False
        self.is_closed = False

    def fileno(self) -> int:
        """Return its descriptor, for `poll`."""
        return self._socket.fileno()

    def wake_at(self, count: int) -> None:
        """Be woken only when so many bytes have come, or by the time-out of `wait`."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, max(count, 1))

    def receive(self) -> bytes:
        """Return what came; after the end of the connection nothing does."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return b""
        except ConnectionResetError:
            data = b""
        self.is_closed = not data
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

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def answer(self, packet: Other) -> None:
        """Answer whatever is neither PUBLISH nor PUBACK."""
        match packet:
            case mqtt5.ConnectPacket():
                self.client_id = packet.client_id
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


class Reception:
    """Accept connections, up to so many at a time, and wait for them and for the runner.

    Args:
        listener: where clients come.
        window: the Receive Maximum that they are told.
        seats: most connections at a time; who comes then waits until one is closed.
    """

    def __init__(self, listener: socket.socket, window: int, seats: int = 1) -> None:
        self._listener = listener
        self._window = window
        self._seats = seats
        self._poll = select.poll()
        self._poll.register(_STDIN, select.POLLIN)
        self.connections: list[Connection] = []

    def wait(self, milliseconds: int) -> tuple[list[Connection], bool]:
        """Wait; return the connections that have bytes, and whether the runner has a word."""
        room = len(self.connections) < self._seats
        self._poll.register(self._listener, select.POLLIN if room else 0)
        for one in self.connections:
            self._poll.register(one, select.POLLIN | (0 if one.is_clear else select.POLLOUT))
        ready = dict(self._poll.poll(milliseconds))
        came = []
        for one in self.connections:
            state = ready.get(one.fileno(), 0)
            if state & select.POLLOUT:
                one.flush()
            if state & ~select.POLLOUT:
                came.append(one)
        if self._listener.fileno() in ready:
            self.connections.append(Connection(self._listener.accept()[0], self._window))
        return came, _STDIN in ready

    def dismiss(self, connection: Connection) -> None:
        """Make room for the next."""
        self._poll.unregister(connection)
        self.connections.remove(connection)
        connection.close()


class Stopwatch:
    """The clocks at the first and at the last counted message."""

    def __init__(self, warm_up: int, total: int) -> None:
        self._goals = deque([warm_up, total])
        self._laps: list[Lap] = []
        self.pids: list[int] = []

    def passed(self, messages: int) -> None:
        """Note a lap when a goal is reached."""
        while self._goals and messages >= self._goals[0]:
            self._goals.popleft()
            self._laps.append(Lap.read(self.pids, messages))
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
            "rss_peak_mib": sum(memory_mib(pid, "VmHWM") for pid in self.pids),
            "at": time.monotonic(),
        }
