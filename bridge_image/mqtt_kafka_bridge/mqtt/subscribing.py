"""The subscribing half of a session: what awaits SUBACK and UNSUBACK, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass

import mqtt5

from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.events import Lost, Subscribed, Unsubscribed

_REFUSED = 0x80
_NORMAL = 0x00
_QOS = (mqtt5.QoS(0), mqtt5.QoS(1), mqtt5.QoS(2))


@dataclass(frozen=True, slots=True)
class Subscription:
    """A filter to subscribe to.

    Args:
        filter: as SUBSCRIBE wants it.
        qos: the highest QoS wanted.
        retain_handling: [MQTT5 3.8.3.1]: 0 always, 1 if new, 2 never.
        optional: whether a refusal is no error but only told.
    """

    filter: str
    qos: int
    retain_handling: int = 1
    optional: bool = False


class Subscribing:
    """What waits for SUBACK and UNSUBACK on one connection.

    Args:
        username: as whom; in messages to people.
    """

    def __init__(self, username: str | None) -> None:
        self._username = username
        self._wanted: dict[int, Sequence[Subscription]] = {}
        self._unwanted: dict[int, Sequence[str]] = {}

    def subscribe(self, packet_id: int, subscriptions: Sequence[Subscription]) -> bytes:
        """Return SUBSCRIBE.

        Retain As Published is 0: the retain flag then means "sent because we subscribed".
        """
        self._wanted[packet_id] = subscriptions
        filters = [
            mqtt5.TopicFilter(
                s.filter,
                max_qos=_QOS[s.qos],
                retain_as_published=False,
                retain_handling=mqtt5.RetainHandling(s.retain_handling),
            )
            for s in subscriptions
        ]
        return mqtt5.SubscribePacket(packet_id, filters).write()

    def unsubscribe(self, packet_id: int, filters: Sequence[str]) -> bytes:
        """Return UNSUBSCRIBE."""
        self._unwanted[packet_id] = filters
        return mqtt5.UnsubscribePacket(packet_id, list(filters)).write()

    def answered(
        self, packet: mqtt5.SubAckPacket | mqtt5.UnsubAckPacket
    ) -> Subscribed | Unsubscribed | Lost | str:
        """Take SUBACK or UNSUBACK; return what it says, or how it breaks the protocol."""
        if isinstance(packet, mqtt5.SubAckPacket):
            return self._subscribed(packet)
        return self._unsubscribed(packet)

    def _subscribed(self, packet: mqtt5.SubAckPacket) -> Subscribed | Lost | str:
        subscriptions = self._wanted.pop(packet.packet_id, None)
        if subscriptions is None:
            return f"SUBACK for packet id {packet.packet_id}, which was not asked for"
        granted = tuple(int(code) for code in packet.reason_codes)
        if len(granted) != len(subscriptions):
            return f"SUBACK with {len(granted)} codes for {len(subscriptions)} filters"
        for subscription, code in zip(subscriptions, granted, strict=True):
            if code >= _REFUSED and not subscription.optional:
                error = reasons.refused_subscription(
                    code, packet.reason_str, subscription.filter, self._username
                )
                return Lost(error, _NORMAL)
        return Subscribed(granted)

    def _unsubscribed(self, packet: mqtt5.UnsubAckPacket) -> Unsubscribed | str:
        filters = self._unwanted.pop(packet.packet_id, None)
        if filters is None:
            return f"UNSUBACK for packet id {packet.packet_id}, which was not asked for"
        codes = [int(code) for code in packet.reason_codes]
        if len(codes) != len(filters):
            return f"UNSUBACK with {len(codes)} codes for {len(filters)} filters"
        for filter_text, code in zip(filters, codes, strict=True):
            if code >= _REFUSED:  # not 0x11: that there was no subscription is just as well
                refusal = reasons.refused_unsubscription(
                    code, packet.reason_str, filter_text, self._username
                )
                return Unsubscribed(refusal)
        return Unsubscribed(None)
