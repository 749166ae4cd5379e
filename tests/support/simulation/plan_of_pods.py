"""What a run with several pods is made of: small worlds, for sessions move in them a lot."""

from random import Random

from tests.support.simulation.plan import Plan
from tests.support.simulation.sessions import BrokerOptions

PODS_FROM = 2_000_000
"""Seeds from here on are for several pods."""


def plan_of_pods(seed: int) -> Plan:
    """Draw a run."""
    rng = Random(seed)
    faults = rng.choice((0, 0, 1, 2, 3))
    return Plan(
        seed=seed,
        broker=BrokerOptions(
            most_in_flight=rng.choice((5, 20, 65535)),
            lock_step=rng.random() < 0.2,
            renumber=rng.random() < 0.1,
            together=rng.random() < 0.5,
            write_each=rng.random() < 0.2,
            silent_takeover=rng.random() < 0.5,
            offline_members_too=rng.random() < 0.5,
            drops_on_unsubscribe=rng.random() < 0.5,
            cluster_seconds=rng.choice((0.0, 0.0, 1.0)),
            forbids_markers=rng.random() < 0.1,
        ),
        seconds=rng.choice((5.0, 15.0)),
        messages=rng.choice((15, 40, 80)),
        keys=rng.randint(1, 3),
        partitions=rng.randint(1, 2),
        receive_maximum=rng.choice((1, 3, 20, 8192)),
        bytes_in_flight=rng.choice((3_000, 25_165_824, 25_165_824)),
        on_error=rng.choice(("DeadLetter", "DeadLetter", "Drop", "Stop")),
        outbound_qos=1,
        by_payload=rng.random() < 0.3,
        templated=rng.random() < 0.3,
        poison=rng.choice((0.0, 0.0, 0.05)),
        padding_bytes=0,
        told_max_bytes=1_048_576,
        max_bytes=1_048_576,
        gaps=rng.choice((0.0, 0.2)),
        faults=faults,
        graceful=rng.choice((0, 1, 2, 3)),
        pods=rng.randint(1, 3),
        slots=rng.choice((3, 8)),
        edits=rng.choice((0, 0, 1, 2)),
        sessions=rng.choice((0, 0, 1, 3)),
        outbound=rng.random() < 0.25,
        slowest_write_seconds=rng.choice((0.3, 1.0, 3.0)),
        start_from=rng.choice(("Earliest", "Latest")),
    )
