"""What the simulated MQTT broker remembers: messages, sessions, and its options."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.support.simulation.fates import Fate

if TYPE_CHECKING:
    from tests.support.simulation.connection import Connection

MARKERS = "mqttkafka/"
"""Begins the topics of what the bridge publishes to itself."""
_SHOWN_BYTES = 40


@dataclass(eq=False, slots=True)
class Message:
    """A message that a source published; `fate` is what the bridge has to make of it."""

    topic: str
    payload: bytes
    fate: Fate
    qos: int = 1
    retain: bool = False
    properties: list[tuple[str, str]] = field(default_factory=list)
    sent: bool = False
    """Whether a session got it."""
    promised: bool = True

    @property
    def shown(self) -> str:
        """Itself, in a journal: a marker has a token that is never the same."""
        marker = self.topic.startswith(MARKERS)
        return "a marker" if marker else repr(self.payload[:_SHOWN_BYTES])


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """How this broker behaves, within what the standard allows and what brokers are known to do.

    Args:
        receive_maximum: most QoS 1 messages that it takes unacknowledged.
        most_in_flight: most messages that it sends unacknowledged, whatever the client allows.
        maximum_packet_size: largest packet in bytes that it takes; None: no limit.
        lock_step: after a batch it sends nothing before all of that is acknowledged (HiveMQ).
        renumber: resent messages get new packet ids and no DUP flag (rumqttd).
        together: CONNACK and what is resent leave in one write.
        late_suback: SUBACK waits for the first PUBACK of what was resent (rumqttd).
        write_each: every packet is a write of its own (Mosquitto).
        silent_takeover: a connection that is taken over is closed without a reason (Mosquitto 2.0).
        offline_members_too: a member of a shared subscription gets its share while it is away.
        drops_on_unsubscribe: what is queued is lost with the subscription [MQTT5 3.10.4 allows it].
        cluster_seconds: so late, at most, other nodes hear of a subscription.
        forbids_markers: the bridge may not publish or subscribe to its marker topics.
    """

    receive_maximum: int = 65535
    most_in_flight: int = 65535
    maximum_packet_size: int | None = None
    lock_step: bool = False
    renumber: bool = False
    together: bool = False
    late_suback: bool = False
    write_each: bool = False
    silent_takeover: bool = False
    offline_members_too: bool = False
    drops_on_unsubscribe: bool = False
    cluster_seconds: float = 0.0
    forbids_markers: bool = False


class Granted(NamedTuple):
    """A subscription: its QoS, and from when on it gets messages."""

    qos: int
    known_at: float


class BrokerSession:
    """One client id's state: it outlives connections."""

    def __init__(self, client_id: str, expiry_seconds: int) -> None:
        self.client_id = client_id
        self.expiry_seconds = expiry_seconds
        self.subscriptions: dict[str, Granted] = {}
        self.queue: deque[Message] = deque()
        self.in_flight: dict[int, Message] = {}
        self.connection: Connection | None = None
        self._packet_id = 0

    @property
    def unfinished(self) -> int:
        """How many messages it holds."""
        return len(self.queue) + len(self.in_flight)

    def next_packet_id(self) -> int:
        """Return a packet id that is not in use."""
        while True:
            self._packet_id = self._packet_id % 65535 + 1
            if self._packet_id not in self.in_flight:
                return self._packet_id

    def renumber(self) -> None:
        """Give everything in flight new packet ids, in the old order."""
        messages = list(self.in_flight.values())
        self.in_flight.clear()
        self._packet_id = 0
        for message in messages:
            self.in_flight[self.next_packet_id()] = message
