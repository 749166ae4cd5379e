"""A source on MQTT: numbered messages of many keys, what the broker acknowledged in the ledger."""

import asyncio
import time
from collections.abc import Callable

import mqtt5

from tests.support.ledger import Ledger
from tests.support.mqtt_client import MqttClient
from tests.support.numbered import Numbered, Numbers
from tests.support.waiting import eventually_async

_BATCH = 100
_PACKET_IDS = 65_535


class MqttSource(MqttClient):
    """Publish numbered messages; after a lost connection, again what is unacknowledged, in order.

    Args:
        url: the broker.
        topic: `{key}` stands for the key.
        ledger: where acknowledged messages are written; those of QoS 0 are never safe.
        keys: names, or how many.
        qos: 0 or 1.
        payload_bytes: least size of a payload.
        window: most unacknowledged messages; the broker may want fewer.
        user: name and password.
    """

    def __init__(  # noqa: PLR0913 - by name, each with a default that most tests keep
        self,
        url: str,
        topic: str,
        ledger: Ledger,
        *,
        keys: int | list[str] = 8,
        qos: int = 1,
        payload_bytes: int = 0,
        window: int = 1000,
        user: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(url, f"source-{id(self):x}", user=user)
        self._topic, self._ledger = topic, ledger
        self._numbers = Numbers(keys)
        self._qos, self._acknowledged = mqtt5.QoS(qos), qos > 0  # the enums are true, zero too
        self._payload_bytes, self._window = payload_bytes, window
        self._under_way: dict[int, tuple[Numbered, mqtt5.PublishPacket]] = {}
        self._last_id = 0
        self._progress = asyncio.Event()
        self.refused: list[tuple[Numbered, mqtt5.PubAckReasonCode]] = []
        """Messages that the broker did not take, or had no subscriber for."""

    async def publish(self, count: int, *, per_second: float | None = None) -> None:
        """Publish so many messages; return when all are written. Not all are acknowledged then."""
        began = time.monotonic()
        for n in range(count):
            if per_second is not None:
                await asyncio.sleep(max(0.0, began + n / per_second - time.monotonic()))
            if self._acknowledged:
                await self._room()
            self._send(self._numbers.next())
            if n % _BATCH == 0:
                await self.drain()
        await self.drain()

    async def keep_publishing(self, per_second: float, until: Callable[[], bool]) -> None:
        """Publish at a rate until a condition is met."""
        while not until():
            await self.publish(max(1, int(per_second / 20)), per_second=per_second)

    async def settled(self, within_seconds: float = 30) -> None:
        """Wait until nothing is unacknowledged."""
        await eventually_async(
            lambda: not self._under_way,
            within_seconds,
            what=lambda: f"all acknowledged; {len(self._under_way)} are not",
        )

    async def _room(self) -> None:
        while len(self._under_way) >= self._window:
            self._progress.clear()
            await self.drain()
            await self._progress.wait()

    def _send(self, message: Numbered) -> None:
        packet = mqtt5.PublishPacket(
            self._topic.format(key=message.key),
            message.payload(self._payload_bytes),
            qos=self._qos,
            packet_id=self._free_id() if self._acknowledged else None,
        )
        if packet.packet_id is not None:
            self._under_way[packet.packet_id] = (message, packet)
        self.write(packet.write())

    def _free_id(self) -> int:
        while True:
            self._last_id = self._last_id % _PACKET_IDS + 1
            if self._last_id not in self._under_way:
                return self._last_id

    def on_connected(self, answer: mqtt5.ConnAckPacket) -> None:
        """Send again what is unacknowledged, in order, as duplicates if the session lives."""
        self._window = min(self._window, answer.receive_max)
        for message, packet in self._under_way.values():
            again = mqtt5.PublishPacket(
                packet.topic,
                message.payload(self._payload_bytes),
                qos=self._qos,
                packet_id=packet.packet_id,
                duplicate=answer.session_present,
            )
            self.write(again.write())

    def on_packet(self, packet: mqtt5.Packet) -> None:
        """Write what is acknowledged into the ledger."""
        if not isinstance(packet, mqtt5.PubAckPacket):
            return
        message, _ = self._under_way.pop(packet.packet_id)
        if int(packet.reason_code):  # the codec's enums are true, zero too
            self.refused.append((message, packet.reason_code))
        else:
            self._ledger.safe(message)
        self._progress.set()
