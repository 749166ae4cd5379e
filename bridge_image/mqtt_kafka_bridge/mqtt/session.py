"""The MQTT 5 session on one connection, sans-IO: bytes in, events out, bytes to send returned.

Rule: everything that affects the state of the connection lives here, and no clock, no socket.
A new connection gets a new `Session`: nothing of an old connection (packet ids, windows) can leak
into the next, so a late acknowledgement can't hit a message that re-used its packet id.

What persists is at the broker (QoS 1 towards us) and in Kafka (QoS 1 from us): at QoS 1 a receiver
has no state of its own [MQTT5 4.1], and a publisher starts clean.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import cast

import mqtt5

from mqtt_kafka_bridge.mapping.messages import InboundMessage
from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.events import Connected, Event, Limits, Lost, Received
from mqtt_kafka_bridge.mqtt.outgoing import Outgoing
from mqtt_kafka_bridge.mqtt.packets import Packet, Run, read_runs
from mqtt_kafka_bridge.mqtt.subscribing import Subscribing, Subscription

_PUBACKS = [struct.pack(">BBH", 0x40, 2, packet_id) for packet_id in range(65536)]
_REFUSED = 0x80
_MALFORMED, _PROTOCOL_ERROR = 0x81, 0x82
_TOPIC_ALIAS_INVALID = 0x94
_OLD_CONNACK = b"\x20\x02"
"""How a CONNACK of MQTT 3.1.1 begins; one of MQTT 5 is longer."""
_PINGREQ = mqtt5.PingReqPacket().write()


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
    password: bytes | None = field(default=None, repr=False)


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
        self.refusal: int | None = None
        """The reason code of a PUBACK that refuses, if that is the last thing that came."""
        self._subscribing = Subscribing(options.username)

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
        """Return SUBSCRIBE; the answer is `Subscribed`, or `Lost` with what was refused."""
        return self._subscribing.subscribe(self.outgoing.next_packet_id(), subscriptions)

    def unsubscribe(self, filters: Sequence[str]) -> bytes:
        """Return UNSUBSCRIBE; the answer is `Unsubscribed`.

        What is queued for the filters the broker may throw away, and need not [MQTT5 3.10.4].
        """
        return self._subscribing.unsubscribe(self.outgoing.next_packet_id(), filters)

    def acknowledge(self, packet_ids: Sequence[int]) -> bytes:
        """Return PUBACKs, in the order given, which must be that of arrival [MQTT-4.6.0-2]."""
        self.unacknowledged -= len(packet_ids)
        return b"".join(map(_PUBACKS.__getitem__, packet_ids))

    @property
    def exceeded(self) -> bool:
        """Whether the broker sent more than our Receive Maximum: then read no more for a while.

        Mosquitto sends up to a window more for each PUBACK while it has a backlog. To leave it for
        that (0x93) would be within our rights, and then it sends them all again, for ever.
        """
        return self.unacknowledged > self.options.receive_maximum

    def ping(self) -> bytes:
        """Return PINGREQ."""
        return _PINGREQ

    def disconnect(self, reason_code: int = 0, expiry_seconds: int | None = None) -> bytes:
        """Return DISCONNECT; nothing may be sent after it [MQTT-3.14.4-2].

        `expiry_seconds` is for how long the broker has to keep the session from now on: 0 ends it;
        None leaves it at what CONNECT said. More than 0 is against the protocol where CONNECT said
        0 [MQTT5 3.14.2.2.2].
        """
        self.state = State.CLOSED
        code = mqtt5.DisconnectReasonCode(reason_code)
        packet = mqtt5.DisconnectPacket(reason_code=code, session_expiry_interval=expiry_seconds)
        return packet.write()

    def receive(self, data: memoryview) -> tuple[int, list[Event]]:
        """Take bytes from the broker; return how many were whole packets, and what they said.

        A run of PUBLISH (or of PUBACK) is one event: no work per message that can be per read.
        After a `Lost` event the connection must be closed.
        """
        consumed, runs, fault = read_runs(data)
        events: list[Event] = []
        for run in runs:
            for event in self._take(run):
                events.append(event)
                if isinstance(event, Lost):
                    self.state = State.CLOSED
                    return consumed, events
        if fault is not None:
            if self.state is State.CONNECTING:
                old = data[:2] == _OLD_CONNACK
                what = "it speaks MQTT 3.1.1" if old else f"malformed packet: {fault}"
                error = reasons.not_mqtt5(what, self.server)
                events.append(Lost(error, None if old else _MALFORMED))
            else:
                events.append(self._broken(f"malformed packet: {fault}", _MALFORMED))
            self.state = State.CLOSED
        return consumed, events

    def _take(self, run: Run) -> Iterator[Event]:
        """Take one run of packets by what may come in this state."""
        self.refusal = None
        if self.state is State.CONNECTED:
            if run.kind is mqtt5.PublishPacket:
                yield self._received(run)
                return
            if run.kind is mqtt5.PubAckPacket:
                yield self._acknowledged(cast("list[mqtt5.PubAckPacket]", run.packets))
                return
        for packet in run.packets:
            event = self._control(packet)
            if event is not None:
                yield event

    def _control(self, packet: Packet) -> Event | None:
        """Take a packet of a kind that never comes in numbers."""
        if self.state is State.CONNECTING:
            if isinstance(packet, mqtt5.ConnAckPacket):
                return self._connected(packet)
            what = f"{type(packet).__name__} before CONNACK"
            return Lost(reasons.not_mqtt5(what, self.server), _PROTOCOL_ERROR)
        if isinstance(packet, mqtt5.PingRespPacket):
            return None
        if isinstance(packet, mqtt5.SubAckPacket | mqtt5.UnsubAckPacket):
            event = self._subscribing.answered(packet)
            return self._broken(event) if isinstance(event, str) else event
        if isinstance(packet, mqtt5.DisconnectPacket):
            code = int(packet.reason_code)
            text = reasons.words_of(packet.reason_str, packet.server_reference)
            return Lost(reasons.disconnected(code, text, self.server))
        return self._broken(f"{type(packet).__name__} is nothing that was asked for")

    def _connected(self, packet: mqtt5.ConnAckPacket) -> Event:
        options, code = self.options, int(packet.reason_code)
        if code >= _REFUSED:
            text = reasons.words_of(packet.reason_str, packet.server_reference)
            return Lost(reasons.refused_connect(code, text, self.server, options.username))
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

    def _received(self, run: Run) -> Event:
        messages = cast("list[InboundMessage]", run.packets)
        packet_ids = [message.packet_id for message in messages]
        count = len(packet_ids)
        if not all(packet_ids):  # None: QoS 0
            if 0 in packet_ids:
                return self._broken("PUBLISH with packet id 0")
            count -= packet_ids.count(None)
        self.unacknowledged += count
        if "" in [message.topic for message in messages]:
            return self._broken("a topic alias, which we do not allow", _TOPIC_ALIAS_INVALID)
        return Received(messages, packet_ids, run.size)

    def _acknowledged(self, pubacks: Sequence[mqtt5.PubAckPacket]) -> Event:
        taken = self.outgoing.acknowledged(pubacks)
        if isinstance(taken, int):
            return self._broken(f"PUBACK for packet id {taken}, which is not in flight")
        if taken.refused:
            self.refusal = taken.refused[-1].reason_code
        return taken

    def _broken(self, what: str, reason_code: int = _PROTOCOL_ERROR) -> Lost:
        return Lost(reasons.protocol_error(what, self.server), reason_code)
