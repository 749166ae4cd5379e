"""What a session reports: frozen events out, no socket anywhere; and who takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mapping.messages import InboundMessage


@dataclass(frozen=True, slots=True)
class Limits:
    """What the broker allows on this connection (CONNACK), with the protocol's defaults.

    Args:
        receive_maximum: most QoS 1 messages that it takes unacknowledged.
        maximum_packet_size: largest packet in bytes that it takes; None: no limit.
        maximum_qos: highest QoS that it takes.
        retain_available: whether it takes retained messages.
        keep_alive_seconds: the keep-alive in force; 0: none.
        session_expiry_seconds: how long it keeps the session.
    """

    receive_maximum: int
    maximum_packet_size: int | None
    maximum_qos: int
    retain_available: bool
    keep_alive_seconds: int
    session_expiry_seconds: int


@dataclass(frozen=True, slots=True)
class Connected:
    """CONNACK: the broker accepted; `session_present` tells whether it remembers the session."""

    session_present: bool
    limits: Limits


@dataclass(frozen=True, slots=True)
class Subscribed:
    """SUBACK: the QoS granted for each filter, in the order asked for.

    An optional filter that was refused has its reason code there, >= 0x80.
    """

    granted_qos: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """UNSUBACK; `refusal` says what the broker refused, if anything: the connection goes on."""

    refusal: BridgeError | None


class Received(NamedTuple):
    """PUBLISH packets in arrival order, their packet ids (None at QoS 0), their size in bytes."""

    messages: Sequence[InboundMessage]
    packet_ids: Sequence[int | None]
    wire_bytes: int


class Acknowledgement(NamedTuple):
    """PUBACK for one message: its number (as the publisher gave it) and the reason code."""

    number: int
    reason_code: int


class Acknowledged(NamedTuple):
    """PUBACKs: how many in all, and apart those that refuse (reason code >= 0x80)."""

    total: int
    refused: Sequence[Acknowledgement]


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is over: refused, closed by the broker, or against the protocol.

    `reason_code` is what our DISCONNECT has to say; None: nothing is left to say.
    """

    error: BridgeError
    reason_code: int | None = None


Event = Connected | Subscribed | Unsubscribed | Received | Acknowledged | Lost


class LinkHandler(Protocol):
    """What a link tells its flow, from within the event loop; none of these may block."""

    def received(self, event: Received) -> None:
        """Take messages."""
        ...

    def acknowledged(self, event: Acknowledged) -> None:
        """Take PUBACKs."""
        ...

    def lost(self, error: BridgeError) -> None:
        """Learn that the connection is over; called once, and only if it ended by itself."""
        ...
