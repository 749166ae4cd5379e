"""Runs in turn (A B C A B C), each with a name, and topics filled once for all of them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from bench import mosquitto, trial
from bench.systems import SYSTEMS, Direction
from bench.trial import Bench, Case, Outcome

MOSQUITTO = "from Mosquitto"
_TITLES: dict[Direction, str] = {
    "mqtt-to-kafka": "MQTT to Kafka",
    "kafka-to-mqtt": "Kafka to MQTT",
}
QUICK_MESSAGES = 50_000


def cases(template: Case, directions: Sequence[Direction]) -> list[Case]:
    """Return the main cases: the template in each direction."""
    return [
        replace(template, name=_TITLES[direction], direction=direction) for direction in directions
    ]


def further_cases(template: Case) -> list[Case]:
    """Return the other loads of the protocol, and Mosquitto."""
    small, large = (
        replace(template.load, payload_bytes=20),
        replace(template.load, payload_bytes=2048),
    )
    return [
        replace(template, name="20 B", load=small),
        replace(template, name="2 KiB", load=large),
        replace(template, name="QoS 0", load=replace(template.load, qos=0)),
        mosquitto_case(template),
    ]


def mosquitto_case(template: Case) -> Case:
    """Return the case from a real broker, which takes fewer messages: it is slower."""
    return replace(
        template,
        name=MOSQUITTO,
        messages=min(template.messages, 200_000),
        warm_up=min(template.warm_up, 20_000),
    )


def latency_cases(template: Case, rates: Sequence[int], seconds: int) -> list[Case]:
    """Return cases with a set rate."""
    return [
        replace(
            template,
            name=f"latency at {rate}/s",
            rate=float(rate),
            warm_up=rate * 3,
            messages=rate * seconds,
        )
        for rate in rates
    ]


class Names:
    """Names that no run before had: of topics, client ids, groups."""

    def __init__(self) -> None:
        self._prefix = f"bench-{int(time.time())}"
        self._count = 0

    def __call__(self, system: str) -> str:
        """Return the next."""
        self._count += 1
        return f"{self._prefix}-{self._count}-{system}"


def in_turn(
    bench: Bench,
    wanted: Sequence[Case],
    systems: Sequence[str],
    runs: int,
    tell: Callable[[Outcome], None],
) -> list[Outcome]:
    """Run every case: all systems in turn, so that each meets the same state of the machine."""
    names, outcomes = Names(), []
    for case in wanted:
        with _filled(bench, case, names) as filled:
            for _ in range(runs):
                for system in systems:
                    outcome = _run(bench, case, system, names(system), filled)
                    outcomes.append(outcome)
                    tell(outcome)
    return outcomes


def _run(bench: Bench, case: Case, system: str, name: str, filled: str) -> Outcome:
    if case.name == MOSQUITTO:
        outcome = mosquitto.run(bench, case, SYSTEMS[system], name)
    else:
        outcome = trial.run(bench, case, SYSTEMS[system], name, filled)
    if outcome.problem or outcome.faults:
        bench.keep_log(name)
    return outcome


@contextmanager
def _filled(bench: Bench, case: Case, names: Names) -> Iterator[str]:
    """Fill a topic where Kafka is the source."""
    if case.direction == "mqtt-to-kafka":
        yield ""
        return
    with bench.scratch_topic(names("filled")) as topic:
        bench.topics.fill(topic, case.load, case.total)
        yield topic
