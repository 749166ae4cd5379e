"""The baseline's MQTT 5 client: the `mqtt5` codec on an asyncio transport, and nothing else."""

import asyncio
import sys
from collections import deque
from typing import cast

import mqtt5

_BUFFER_BYTES = 1 << 18


class Link(asyncio.BufferedProtocol):
    """An MQTT 5 client: collects packets, and wakes the one who waits for them."""

    def __init__(self, client_id: str, window: int) -> None:
        self._hello = mqtt5.ConnectPacket(
            client_id, session_expiry_interval=3600, receive_max=window
        )
        self._store = bytearray(_BUFFER_BYTES)
        self._filled = 0
        self._came = asyncio.Event()
        self._publishes: list[mqtt5.PublishPacket] = []
        self.connected: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.unacknowledged: deque[int] = deque()
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._hello.write())

    def connection_lost(self, exc: Exception | None) -> None:
        """End the process."""
        sys.exit(f"MQTT connection lost: {exc}")

    def pause_writing(self) -> None:
        """Hold whoever writes."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Let it go on."""
        self.writable.set()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the free part of the buffer."""
        del sizehint
        return memoryview(self._store)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Decode the whole packets."""
        end, at, read = self._filled + nbytes, 0, mqtt5.read
        view = memoryview(self._store)[:end]
        publishes = self._publishes
        try:
            while at < end:
                packet, used = read(view[at:])
                at += used
                if type(packet) is mqtt5.PublishPacket:
                    publishes.append(packet)
                else:
                    self._take_other(packet)
        except IndexError:
            view[: end - at] = bytes(view[at:end])
        self._filled = end - at
        self._came.set()

    def _take_other(self, packet: object) -> None:
        if isinstance(packet, mqtt5.PubAckPacket):
            if self.unacknowledged.popleft() != packet.packet_id:
                sys.exit("a PUBACK out of order")
        elif isinstance(packet, mqtt5.ConnAckPacket):
            self.connected.set_result(packet.receive_max)

    async def something(self) -> list[mqtt5.PublishPacket]:
        """Wait until packets came; return the PUBLISH packets among them."""
        await self._came.wait()
        self._came.clear()
        publishes, self._publishes = self._publishes, []
        return publishes
