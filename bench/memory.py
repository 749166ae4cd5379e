"""Memory at rest, under load, and while Kafka is frozen; and that no PUBACK leaves meanwhile."""

import time
from dataclasses import dataclass, field
from typing import Protocol

from bench.processes import BenchError, Station, memory_mib, running
from bench.systems import System
from bench.trial import Bench, Case

_SETTLE_SECONDS = 3.0
_PATIENCE_SECONDS = 60.0


class Freezable(Protocol):
    """A Kafka that can be stopped where it stands."""

    def freeze(self) -> None:
        """Stop it (SIGSTOP); its connections stay open."""

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""


@dataclass(frozen=True)
class Memory:
    """What one run showed; sizes are resident memory of the bridge and its children."""

    case: str
    system: str
    rest_mib: float = 0.0
    load_peak_mib: float = 0.0
    frozen_peak_mib: float = 0.0
    acknowledged_while_frozen: int = 0
    unacknowledged_while_frozen: int = 0
    window: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    problem: str = ""


def run(
    bench: Bench, case: Case, system: System, name: str, kafka: Freezable, seconds: float
) -> Memory:
    """Rest, then the warm-up as load, then offer everything else to a frozen Kafka, then thaw."""
    plan = case.plan(holds=[0, case.warm_up], progress_seconds=0.25)
    try:
        with (
            bench.scratch_topic(name) as topic,
            bench.station("mqtt_source", plan) as source,
        ):
            port = source.await_event("listening", 20)["port"]
            command = system.command(bench.setup(case, topic, port, name))
            with running(command, bench.log(name)) as bridge:
                source.say(bridge.pid)
                source.await_event("held", _PATIENCE_SECONDS, bridge)
                rest = _peak(bridge.pid, _SETTLE_SECONDS)
                source.say("go")
                source.await_event("held", _PATIENCE_SECONDS, bridge)
                load = memory_mib(bridge.pid, "VmHWM")
                frozen = _freeze(source, bridge.pid, kafka, seconds)
                source.await_event("result", case.deadline_seconds, bridge)
                _await_stored(bench, topic, case)
            verdict = bench.topics.read_back(topic, case.load, case.total, keyed=system.keyed)
    except BenchError as error:
        return Memory(
            case.name, system.name, problem=bench.failed(case, system, name, error).problem
        )
    qos = case.load.qos
    return Memory(
        case.name,
        system.name,
        rest,
        load,
        frozen.peak_mib,
        frozen.acknowledged - case.warm_up if qos else 0,
        frozen.sent - frozen.acknowledged if qos else 0,
        case.window if qos else 0,
        verdict.faults,
    )


@dataclass(frozen=True)
class _Frozen:
    peak_mib: float
    sent: int
    acknowledged: int


def _freeze(source: Station, pid: int, kafka: Freezable, seconds: float) -> _Frozen:
    """Offer messages to a frozen Kafka; return the memory's peak and the last counts."""
    kafka.freeze()
    try:
        source.say("go")
        peak, counts = 0.0, {"sent": 0, "acknowledged": 0}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            counts = source.await_event("progress", 10)
            peak = max(peak, memory_mib(pid))
    finally:
        kafka.thaw()
    return _Frozen(peak, counts["sent"], counts["acknowledged"])


def _peak(pid: int, seconds: float) -> float:
    peak, deadline = 0.0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        peak = max(peak, memory_mib(pid))
        time.sleep(0.1)
    return peak


def _await_stored(bench: Bench, topic: str, case: Case) -> None:
    """Wait until Kafka has everything, which at QoS 0 the source can't tell."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and bench.topics.total(topic) < case.total:
        time.sleep(0.1)
