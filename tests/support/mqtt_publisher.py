"""A publisher of single messages, each with the broker's answer."""

import asyncio
import itertools
from typing import Unpack

import mqtt5

from tests.support.messages import Properties
from tests.support.mqtt_client import MqttClient

_PACKET_IDS = 65_535


class Publisher(MqttClient):
    """Publishes one message at a time, each with its acknowledgement."""

    def __init__(self, url: str, user: tuple[str, str] | None = None) -> None:
        super().__init__(url, f"publisher-{id(self):x}", user=user)
        self._ids = itertools.cycle(range(1, _PACKET_IDS + 1))
        self._answers: dict[int, asyncio.Future[mqtt5.PubAckReasonCode]] = {}

    async def publish(
        self, topic: str, payload: bytes, qos: int, **properties: Unpack[Properties]
    ) -> int:
        """Publish a message; return the broker's reason code, at QoS 0 always 0."""
        packet_id = next(self._ids) if qos else None
        packet = mqtt5.PublishPacket(
            topic, payload, qos=mqtt5.QoS(qos), packet_id=packet_id, **properties
        )
        self.write(packet.write())
        if packet_id is None:
            await self.drain()
            return 0
        answer = self._answers[packet_id] = asyncio.get_running_loop().create_future()
        return int(await answer)

    def on_packet(self, packet: mqtt5.Packet) -> None:
        """Take an acknowledgement."""
        if isinstance(packet, mqtt5.PubAckPacket):
            self._answers.pop(packet.packet_id).set_result(packet.reason_code)
