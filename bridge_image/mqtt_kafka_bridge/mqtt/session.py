"""The MQTT 5 session on one connection, sans-IO: bytes in, events out, bytes to send returned.

Rule: everything that affects the state of the connection lives here, and no clock, no socket.
A new connection gets a new `Session`: nothing of an old connection (packet ids, windows) can leak
into the next, so a late acknowledgement can't hit a message that re-used its packet id.

What persists is at the broker (QoS 1 towards us) and in Kafka (QoS 1 from us): at QoS 1 a receiver
has no state of its own [MQTT5 4.1], and a publisher starts clean.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import cast

import mqtt5

from mqtt_kafka_bridge.mapping.messages import InboundMessage
from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.events import Connected, Event, Limits, Lost, Received, Subscribed
from mqtt_kafka_bridge.mqtt.outgoing import Outgoing
from mqtt_kafka_bridge.mqtt.packets import Packet, Run, read_runs

_PUBACKS = [struct.pack(">BBH", 0x40, 2, packet_id) for packet_id in range(65536)]
_REFUSED = 0x80
_MALFORMED, _PROTOCOL_ERROR, _RECEIVE_MAXIMUM_EXCEEDED = 0x81, 0x82, 0x93
_PINGREQ = mqtt5.PingReqPacket().write()
_QOS = (mqtt5.QoS(0), mqtt5.QoS(1), mqtt5.QoS(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to connect. Durations in whole seconds, sizes in bytes."""

    client_id: str
    clean_start: bool = False
    session_expiry_seconds: int = 0
    keep_alive_seconds: int = 30
    receive_maximum: int = 65535
    maximum_packet_size: int = 1_048_576
    username: str | None = None
    password: bytes | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A filter to subscribe to; `retain_handling` [MQTT5 3.8.3.1]: 0 always, 1 if new, 2 never."""

    filter: str
    qos: int
    retain_handling: int = 1


class State(Enum):
    """Where the connection stands."""

    CONNECTING = auto()
    CONNECTED = auto()
    CLOSED = auto()


class Session:
    """One connection's protocol state; `server` is the broker's name in messages to people."""

    def __init__(self, options: Options, server: str) -> None:
        self.options = options
        self.server = server
        self.state = State.CONNECTING
        self.outgoing = Outgoing()
        self.unacknowledged = 0
        self.awaiting_pong = False
        self._subscribing: tuple[int, Sequence[Subscription]] | None = None

    def connect(self) -> bytes:
        """Return CONNECT. It allows the broker no topic aliases: a topic is always whole."""
        o = self.options
        return mqtt5.ConnectPacket(
            o.client_id,
            username=o.username,
            password=o.password,
            clean_start=o.clean_start,
            session_expiry_interval=o.session_expiry_seconds,
            keep_alive=o.keep_alive_seconds,
            receive_max=o.receive_maximum,
            max_packet_size=o.maximum_packet_size,
        ).write()

    def subscribe(self, subscriptions: Sequence[Subscription]) -> bytes:
        """Return SUBSCRIBE; the answer is `Subscribed`, or `Lost` with what was refused.

        Retain As Published is 0: the retain flag then means "sent because we subscribed".
        """
        packet_id = self.outgoing.next_packet_id()
        self._subscribing = packet_id, subscriptions
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

    def acknowledge(self, packet_ids: Sequence[int]) -> bytes:
        """Return PUBACKs, in the order given, which must be that of arrival [MQTT-4.6.0-2]."""
        self.unacknowledged -= len(packet_ids)
        return b"".join(map(_PUBACKS.__getitem__, packet_ids))

    def ping(self) -> bytes:
        """Return PINGREQ."""
        self.awaiting_pong = True
        return _PINGREQ

    def disconnect(self, reason_code: int = 0) -> bytes:
        """Return DISCONNECT; nothing may be sent after it [MQTT-3.14.4-2]."""
        self.state = State.CLOSED
        code = mqtt5.DisconnectReasonCode(reason_code)
        return mqtt5.DisconnectPacket(reason_code=code).write()

    def receive(self, data: memoryview) -> tuple[int, list[Event]]:
        """Take bytes from the broker; return how many were whole packets, and what they said.

        A run of PUBLISH (or of PUBACK) is one event: no work per message that can be per read.
        After a `Lost` event the connection must be closed.
        """
        consumed, runs, fault = read_runs(data)
        events: list[Event] = []
        for run in runs:
            if self.state is State.CLOSED:
                break
            event = self._take(run)
            if event is None:
                continue
            events.append(event)
            if isinstance(event, Lost):
                self.state = State.CLOSED
        if fault is not None and self.state is not State.CLOSED:
            self.state = State.CLOSED
            events.append(self._broken(f"malformed packet: {fault}", _MALFORMED))
        return consumed, events

    def _take(self, run: Run) -> Event | None:
        """Take one run of packets by what may come in this state."""
        kind = run.kind
        if self.state is State.CONNECTING:
            if kind is not mqtt5.ConnAckPacket:
                return self._broken(f"{kind.__name__} before CONNACK")
            return self._connected(cast("mqtt5.ConnAckPacket", run.packets[0]))
        if kind is mqtt5.PublishPacket:
            return self._received(run)
        if kind is mqtt5.PubAckPacket:
            taken = self.outgoing.acknowledged(cast("list[mqtt5.PubAckPacket]", run.packets))
            if isinstance(taken, int):
                return self._broken(f"PUBACK for packet id {taken}, which is not in flight")
            return taken
        return self._control(run.packets[-1])

    def _control(self, packet: Packet) -> Event | None:
        """Take a packet of a kind that never comes in numbers."""
        if isinstance(packet, mqtt5.PingRespPacket):
            self.awaiting_pong = False
            return None
        if isinstance(packet, mqtt5.SubAckPacket):
            return self._subscribed(packet)
        if isinstance(packet, mqtt5.DisconnectPacket):
            code = int(packet.reason_code)
            return Lost(reasons.disconnected(code, packet.reason_str, self.server))
        return self._broken(f"{type(packet).__name__} is nothing that was asked for")

    def _connected(self, packet: mqtt5.ConnAckPacket) -> Event:
        options, code = self.options, int(packet.reason_code)
        if code >= _REFUSED:
            error = reasons.refused_connect(code, packet.reason_str, self.server, options.username)
            return Lost(error)
        if packet.session_present and options.clean_start:
            return self._broken("session present after a clean start")
        keep_alive, expiry = packet.server_keep_alive, packet.session_expiry_interval
        limits = Limits(
            receive_maximum=packet.receive_max,
            maximum_packet_size=packet.max_packet_size,
            maximum_qos=int(packet.max_qos),
            retain_available=packet.retain_available,
            keep_alive_seconds=options.keep_alive_seconds if keep_alive is None else keep_alive,
            session_expiry_seconds=options.session_expiry_seconds if expiry is None else expiry,
        )
        self.outgoing.receive_maximum = limits.receive_maximum
        self.outgoing.maximum_packet_size = limits.maximum_packet_size
        self.state = State.CONNECTED
        return Connected(packet.session_present, limits)

    def _subscribed(self, packet: mqtt5.SubAckPacket) -> Event:
        if self._subscribing is None or self._subscribing[0] != packet.packet_id:
            return self._broken(f"SUBACK for packet id {packet.packet_id}, which was not asked for")
        subscriptions, self._subscribing = self._subscribing[1], None
        granted = tuple(int(code) for code in packet.reason_codes)
        if len(granted) != len(subscriptions):
            return self._broken(
                f"SUBACK with {len(granted)} codes for {len(subscriptions)} filters"
            )
        for subscription, code in zip(subscriptions, granted, strict=True):
            if code >= _REFUSED:
                return Lost(
                    reasons.refused_subscription(code, subscription.filter, self.options.username)
                )
        return Subscribed(granted)

    def _received(self, run: Run) -> Event:
        messages = cast("list[InboundMessage]", run.packets)
        packet_ids = [message.packet_id for message in messages]
        self.unacknowledged += len(packet_ids) - packet_ids.count(None)
        if self.unacknowledged > self.options.receive_maximum:
            return self._broken(
                f"more than Receive Maximum ({self.options.receive_maximum}) messages",
                _RECEIVE_MAXIMUM_EXCEEDED,
            )
        if 0 in packet_ids:
            return self._broken("PUBLISH with packet id 0")
        return Received(messages, packet_ids, run.size)

    def _broken(self, what: str, reason_code: int = _PROTOCOL_ERROR) -> Lost:
        return Lost(reasons.protocol_error(what, self.server), reason_code)
