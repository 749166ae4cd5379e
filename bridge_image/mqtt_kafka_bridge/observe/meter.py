"""Counts of one mapping: plain integers that a flow adds to once a batch.

The ledger of guarantee G5 is a sum over these:
`received = forwarded + filtered + expired + dead_lettered + dropped + returned + in_flight`.
"""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from mqtt_kafka_bridge.contract.status import Counts

LATENCY_BOUNDS_SECONDS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip


class Latency:
    """A histogram that takes many messages of one batch at once."""

    def __init__(self) -> None:
        self.counts = [0] * (len(LATENCY_BOUNDS_SECONDS) + 1)
        self.total_seconds = 0.0

    def observe(self, seconds: float, messages: int) -> None:
        """Count `messages` that all took about `seconds`."""
        self.counts[bisect_left(LATENCY_BOUNDS_SECONDS, seconds)] += messages
        self.total_seconds += seconds * messages


@dataclass(slots=True)
class Meter:
    """The counts of one mapping since the process started.

    `returned` messages were received but not finished when their link was lost: they are back at
    the broker (or in Kafka) and come again. `redelivered` ones are those, among the received, that
    the broker marked as sent before (DUP). `headers_left_out` counts Kafka headers that MQTT can't
    carry; their messages were forwarded without them.
    """

    received: int = 0
    forwarded: int = 0
    filtered: int = 0
    expired: int = 0
    dead_lettered: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    returned: int = 0
    redelivered: int = 0
    sessions_lost: int = 0
    headers_left_out: int = 0
    latency: Latency = field(default_factory=Latency)

    @property
    def counts(self) -> Counts:
        """The same, as `/status` shows it."""
        return Counts(
            received=self.received,
            forwarded=self.forwarded,
            filtered=self.filtered,
            expired=self.expired,
            dead_lettered=self.dead_lettered,
            dropped=dict(self.dropped),
            in_flight=self.in_flight,
            returned=self.returned,
            redelivered=self.redelivered,
            sessions_lost=self.sessions_lost,
        )
