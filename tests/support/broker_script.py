"""A scripted MQTT 5 server, for what real brokers can't be made to do; it keeps what it gets."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import mqtt5

from tests.support.mqtt_client import packets
from tests.support.proxy import reset
from tests.support.waiting import eventually_async

P = TypeVar("P", bound=mqtt5.Packet)
_SECONDS = 10


@dataclass
class Script:
    """How to answer; None anywhere means: do not answer. It can change at any time."""

    connack: Callable[[mqtt5.ConnectPacket], mqtt5.ConnAckPacket | None] = field(
        default=lambda _: mqtt5.ConnAckPacket()
    )
    suback: Callable[[mqtt5.SubscribePacket], Sequence[mqtt5.SubAckReasonCode] | None] = field(
        default=lambda packet: [
            mqtt5.SubAckReasonCode(int(f.max_qos)) for f in packet.topic_filters
        ]
    )
    unsuback: Callable[[mqtt5.UnsubscribePacket], Sequence[mqtt5.UnsubAckReasonCode] | None] = (
        field(default=lambda packet: [mqtt5.UnsubAckReasonCode.SUCCESS] * len(packet.patterns))
    )
    puback: Callable[[mqtt5.PublishPacket], mqtt5.PubAckReasonCode | None] = field(
        default=lambda _: mqtt5.PubAckReasonCode.SUCCESS
    )
    answers_pings: bool = True
    closes_before_connack: bool = False


class Received(NamedTuple):
    """A packet and when it came (`time.monotonic()`)."""

    at: float
    packet: mqtt5.Packet


class ScriptedConnection:
    """One connection of a client."""

    def __init__(self, connect: mqtt5.ConnectPacket, writer: asyncio.StreamWriter) -> None:
        self.connect = connect
        self.received: list[Received] = []
        """What came after CONNECT, in order."""
        self.closed = False
        """Whether the client's end is closed or reset."""
        self._writer = writer

    def packets(self, kind: type[P]) -> list[P]:
        """Return the packets of a kind that came so far."""
        return [r.packet for r in self.received if isinstance(r.packet, kind)]

    async def expect(
        self, kind: type[P], count: int = 1, within_seconds: float = _SECONDS
    ) -> list[P]:
        """Wait until so many packets of a kind have come; return all of that kind."""
        await eventually_async(
            lambda: len(self.packets(kind)) >= count,
            within_seconds,
            what=lambda: f"{count} {kind.__name__}; came: {[r.packet for r in self.received]}",
        )
        return self.packets(kind)

    async def expect_end(self, within_seconds: float = _SECONDS) -> None:
        """Wait until the client has closed its end."""
        await eventually_async(lambda: self.closed, within_seconds, what="end of the connection")

    def send(self, *sent: mqtt5.Packet) -> None:
        """Send packets in one write."""
        self._writer.write(b"".join(packet.write() for packet in sent))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes, be they a packet or not."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the socket takes more."""
        await self._writer.drain()

    def publish(
        self, topic: str, payloads: Sequence[bytes], *, first_id: int = 1, duplicate: bool = False
    ) -> None:
        """Send messages of QoS 1, with packet ids in a row."""
        self.send(
            *(
                mqtt5.PublishPacket(
                    topic,
                    payload,
                    qos=mqtt5.QoS.AT_LEAST_ONCE,
                    packet_id=first_id + n,
                    duplicate=duplicate,
                )
                for n, payload in enumerate(payloads)
            )
        )

    def close(self) -> None:
        """Close our end (FIN)."""
        self._writer.close()

    def reset(self) -> None:
        """Close it with RST."""
        reset(self._writer)


class ScriptedBroker:
    """Listen on a port of 127.0.0.1 and follow the script; an asynchronous context manager."""

    def __init__(self, script: Script | None = None, port: int = 0) -> None:
        self.script = script or Script()
        self.port = port
        self.connections: list[ScriptedConnection] = []
        """Those that sent CONNECT, the first one first."""
        self.refused_count = 0
        """Connections closed before CONNACK."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Its address in a bridge's configuration."""
        return f"mqtt://127.0.0.1:{self.port}"

    async def connection(
        self, number: int = 0, within_seconds: float = _SECONDS
    ) -> ScriptedConnection:
        """Wait for the n-th connection that sent CONNECT, counted from 0."""
        await eventually_async(
            lambda: len(self.connections) > number,
            within_seconds,
            what=lambda: f"connection {number}; there were {len(self.connections)}",
        )
        return self.connections[number]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = None
        try:
            if self.script.closes_before_connack:
                self.refused_count += 1
                return
            async for packet in packets(reader):
                if isinstance(packet, mqtt5.ConnectPacket):
                    connection = ScriptedConnection(packet, writer)
                    self.connections.append(connection)
                elif connection is not None:
                    connection.received.append(Received(time.monotonic(), packet))
                if (answer := self._answer(packet)) is not None:
                    writer.write(answer.write())
        except (OSError, asyncio.CancelledError):
            pass  # reset, or the test is over
        finally:
            if connection is not None:
                connection.closed = True
            self._tasks.discard(task)
            writer.close()

    def _answer(self, packet: mqtt5.Packet) -> mqtt5.Packet | None:
        match packet:
            case mqtt5.ConnectPacket():
                return self.script.connack(packet)
            case mqtt5.SubscribePacket():
                codes = self.script.suback(packet)
                return mqtt5.SubAckPacket(packet.packet_id, list(codes)) if codes else None
            case mqtt5.UnsubscribePacket():
                ended = self.script.unsuback(packet)
                return mqtt5.UnsubAckPacket(packet.packet_id, list(ended)) if ended else None
            case mqtt5.PublishPacket(packet_id=int() as packet_id):
                code = self.script.puback(packet)
                return None if code is None else mqtt5.PubAckPacket(packet_id, reason_code=code)
            case mqtt5.PingReqPacket() if self.script.answers_pings:
                return mqtt5.PingRespPacket()
            case _:
                return None
