"""A sink on MQTT: a subscriber with a persistent session, what it gets in the ledger."""

import mqtt5

from tests.support.ledger import Ledger
from tests.support.mqtt_client import MqttClient
from tests.support.numbered import numbered

_REFUSED = 0x80


class MqttSink(MqttClient):
    """Collect what is published; acknowledge at once.

    What the broker sends a second time because our acknowledgement got lost (DUP, and the payload
    that came last under the packet id) is not the bridge's duplicate, and is left out.

    Args:
        url: the broker.
        pattern: the topic filter.
        ledger: where numbered messages are written.
        qos: the highest one wanted.
        user: name and password.
    """

    def __init__(
        self,
        url: str,
        pattern: str,
        ledger: Ledger | None = None,
        *,
        qos: int = 1,
        user: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(url, f"sink-{id(self):x}", user=user)
        self._filter = mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS(qos))
        self._ledger = ledger
        self._subscribed = False
        self._last: dict[int, bytes] = {}
        self.received: list[mqtt5.PublishPacket] = []
        """Every message, in order of arrival."""

    @property
    def usable(self) -> bool:
        """Whether it is subscribed."""
        return self._subscribed and super().usable

    def on_connected(self, answer: mqtt5.ConnAckPacket) -> None:
        """Subscribe, unless the broker still has the subscription."""
        if not answer.session_present:
            self._subscribed = False
            self._last.clear()
            self.write(mqtt5.SubscribePacket(1, [self._filter]).write())

    def on_packet(self, packet: mqtt5.Packet) -> None:
        """Take a message and acknowledge it."""
        if isinstance(packet, mqtt5.SubAckPacket):
            assert int(packet.reason_codes[0]) < _REFUSED, packet
            self._subscribed = True
        elif isinstance(packet, mqtt5.PublishPacket):
            if packet.packet_id is not None:
                self.write(mqtt5.PubAckPacket(packet.packet_id).write())
                known = self._last.get(packet.packet_id) == packet.payload
                self._last[packet.packet_id] = packet.payload
                if packet.duplicate and known:
                    return
            self.received.append(packet)
            message = numbered(packet.payload)
            if self._ledger is not None and message is not None:
                self._ledger.held(message)
