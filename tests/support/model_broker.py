"""A broker for one client id, in memory and on whatever clock the loop has."""

import asyncio
from collections.abc import Callable

import mqtt5

from mqtt_kafka_bridge.mqtt.dialing import explain
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.servers import Server


class Wire(asyncio.Transport):
    """The client's end of one connection."""

    def __init__(self, broker: "ModelBroker", link: Link) -> None:
        super().__init__()
        self._broker, self._link, self._open = broker, link, True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take CONNECT; nothing else is looked at."""
        if isinstance(mqtt5.read(memoryview(data))[0], mqtt5.ConnectPacket):
            self._broker.connect(self)

    def send(self, packet: mqtt5.Packet) -> None:
        """Let the client read a packet."""
        data = packet.write()
        self._link.get_buffer(-1)[: len(data)] = data
        self._link.buffer_updated(len(data))

    def is_closing(self) -> bool:
        """Tell whether it is over."""
        return not self._open

    def abort(self) -> None:
        """End it by the client."""
        self.lose(None)

    def lose(self, error: Exception | None) -> None:
        """End it."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().call_soon(self._link.connection_lost, error)


class ModelBroker:
    """Let the newest connection have the one client id that there is.

    Args:
        kind: how the connection ends that had it before: "0x8E", "end of file", "reset".
    """

    def __init__(self, kind: str = "end of file") -> None:
        self.up = True
        self.dial_seconds = 0.002
        self.dialled: list[float] = []
        """When."""
        self.take_overs: list[float] = []
        self.accepted: list[float] = []
        """When CONNECT came; take-overs among them."""
        self._kind = kind
        self._holder: Wire | None = None

    async def dial(self, server: Server, make_link: Callable[[], Link]) -> Link:
        """Open a connection, if it is up."""
        self.dialled.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.dial_seconds)
        if not self.up:
            raise explain(ConnectionRefusedError(), server)
        link = make_link()
        link.connection_made(Wire(self, link))
        return link

    def connect(self, wire: Wire) -> None:
        """Take CONNECT, and the client id from whoever has it."""
        now = asyncio.get_running_loop().time()
        self.accepted.append(now)
        if self._holder is not None and not self._holder.is_closing():
            self.take_overs.append(now)
            if self._kind == "0x8E":
                code = mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
                self._holder.send(mqtt5.DisconnectPacket(reason_code=code))
            self._holder.lose(ConnectionResetError() if self._kind == "reset" else None)
        self._holder = wire
        asyncio.get_running_loop().call_soon(wire.send, mqtt5.ConnAckPacket())

    async def restart(self, away_seconds: float) -> float:
        """Stop, as Mosquitto does, and start again; return when it was up."""
        self.up = False
        if self._holder is not None:
            self._holder.lose(None)
        await asyncio.sleep(away_seconds)
        self.up = True
        return asyncio.get_running_loop().time()
