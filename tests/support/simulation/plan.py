"""What one run is made of, all drawn from its seed: configuration, broker, load, faults."""

from dataclasses import dataclass, replace
from random import Random

from tests.support.simulation.sessions import BrokerOptions

DEAD_LETTERS = "dead"
DRAIN_SECONDS = 15
HARSH_FROM = 1_000_000
"""Seeds from here on are for the long run."""
_RECEIVE_MAXIMA = (1, 2, 5, 20, 100, 8192)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run.

    Args:
        seed: where it all comes from.
        broker: how the MQTT broker behaves.
        seconds: for how long sources send.
        messages: how many they send in each direction, about.
        keys: how many devices there are.
        partitions: of each Kafka topic.
        receive_maximum: the bridge's window.
        bytes_in_flight: the limit of the whole process.
        on_error: what mappings do with what can't be forwarded.
        outbound_qos: QoS of what is published to MQTT.
        by_payload: whether keys come from payloads, so that payloads can be poison.
        templated: whether a second mapping has a topic for each room.
        poison: how much of what is sent can't be forwarded.
        padding_bytes: length of payloads, at most.
        told_max_bytes: the record size that Kafka says it takes.
        max_bytes: what it really takes.
        gaps: how likely a gap in offsets is.
        faults: how many things go wrong; 0: all is graceful.
        graceful: how many restarts in good order and changes of the group there are.
        pods: how many processes there are at first; 0: one, and no coordination.
        slots: of the coordination topic.
        edits: how often the configuration is edited.
        sessions: of the first mapping; 0: ordering PerKey.
        outbound: whether there is a mapping from Kafka.
        start_from: where that one begins.
        slowest_write_seconds: how long Kafka takes at most to store a batch, while all is well.
    """

    seed: int
    broker: BrokerOptions
    seconds: float
    messages: int
    keys: int
    partitions: int
    receive_maximum: int
    bytes_in_flight: int
    on_error: str
    outbound_qos: int
    by_payload: bool
    templated: bool
    poison: float
    padding_bytes: int
    told_max_bytes: int
    max_bytes: int
    gaps: float
    faults: int
    graceful: int
    pods: int = 0
    slots: int = 0
    edits: int = 0
    sessions: int = 0
    outbound: bool = True
    start_from: str = "Earliest"
    slowest_write_seconds: float = 0.3

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """Draw a run."""
        rng = Random(seed)
        told = rng.choice((1_048_576, 1_048_576, 5_000))
        plan = cls(
            seed=seed,
            broker=BrokerOptions(
                receive_maximum=rng.choice(_RECEIVE_MAXIMA),
                most_in_flight=rng.choice((20, 65535)),
                maximum_packet_size=rng.choice((None, None, 2_000)),
                lock_step=rng.random() < 0.2,
                renumber=rng.random() < 0.2,
                together=rng.random() < 0.5,
                late_suback=rng.random() < 0.2,
                write_each=rng.random() < 0.3,
            ),
            seconds=rng.choice((2.0, 10.0, 30.0)),
            messages=rng.choice((30, 100, 200)),
            keys=rng.randint(1, 4),
            partitions=rng.randint(1, 4),
            receive_maximum=rng.choice(_RECEIVE_MAXIMA),
            bytes_in_flight=rng.choice((6_000, 50_000, 25_165_824)),
            on_error=rng.choice(("DeadLetter", "DeadLetter", "Drop", "Stop")),
            outbound_qos=0 if rng.random() < 0.05 else 1,
            by_payload=rng.random() < 0.5,
            templated=rng.random() < 0.5,
            poison=rng.choice((0.0, 0.02, 0.3)),
            padding_bytes=rng.choice((0, 200, 3_000)),
            told_max_bytes=told,
            max_bytes=rng.choice((told, 4_500)),
            gaps=rng.choice((0.0, 0.2)),
            faults=rng.choice((0, 0, 1, 2, 4, 8)),
            graceful=rng.choice((0, 1, 2, 4)),
        )
        return plan.made_harsh() if seed >= HARSH_FROM else plan

    def made_harsh(self) -> "Plan":
        """Return the same with more of everything at once, for seeds from HARSH_FROM on."""
        rng = Random(-self.seed)
        return replace(
            self,
            seconds=rng.choice((5.0, 60.0)),
            messages=rng.choice((100, 300)),
            bytes_in_flight=rng.choice((2_000, 6_000, self.bytes_in_flight)),
            partitions=rng.randint(1, 6),
            poison=rng.choice((0.0, 0.05, 0.3)),
            faults=rng.choice((6, 12, 20)),
            graceful=rng.choice((0, 3, 8)),
        )
