"""One run: one bridge, one load, one sink that is checked."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.check import Verdict
from bench.kafka_topics import Topics
from bench.messages import Load
from bench.processes import BenchError, Lap, Station, last_words, memory_mib, require_life, running
from bench.systems import Direction, Setup, System

_CONNECT_SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """What is measured, whatever the bridge."""

    name: str
    direction: Direction = "mqtt-to-kafka"
    load: Load = field(default_factory=Load)
    messages: int = 500_000
    warm_up: int = 50_000
    window: int = 8192
    rate: float = 0.0
    """Messages a second; 0 for as many as the window lets through."""
    deadline_seconds: float = 180.0

    @property
    def total(self) -> int:
        """All messages, warm-up included."""
        return self.warm_up + self.messages

    def plan(self, **more: object) -> str:
        """Return the words for a source or sink."""
        return json.dumps(
            {
                **asdict(self.load),
                "window": self.window,
                "warm_up": self.warm_up,
                "messages": self.messages,
                "deadline_seconds": self.deadline_seconds,
                **more,
            }
        )


@dataclass(frozen=True)
class Outcome:
    """What one run gave."""

    case: str
    system: str
    messages: int
    wall_seconds: float
    cpu_seconds: float
    source_cpu_seconds: float
    rss_peak_mib: float
    faults: dict[str, int]
    problem: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def per_cpu_second(self) -> float:
        """Messages for one second of the bridge's CPU."""
        return self.messages / self.cpu_seconds if self.cpu_seconds else 0.0

    @property
    def per_second(self) -> float:
        """Messages a second of wall time."""
        return self.messages / self.wall_seconds if self.wall_seconds else 0.0


@dataclass(frozen=True)
class Bench:
    """Where runs are made."""

    topics: Topics
    folder: Path
    kept: Path
    """Where logs of runs that went wrong are kept."""

    def keep_log(self, name: str) -> None:
        """Copy a bridge's log to where it outlives the benchmark."""
        if self.log(name).exists():
            self.kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.log(name), self.kept)

    @contextmanager
    def scratch_topic(self, name: str) -> Iterator[str]:
        """Create a Kafka topic for one run, and delete it."""
        self.topics.create(name)
        try:
            yield name
        finally:
            self.topics.delete(name)

    def station(self, module: str, plan: str) -> Station:
        """Start a source or a sink."""
        return Station(f"bench.{module}", plan)

    def log(self, name: str) -> Path:
        """Return the file that takes a bridge's output."""
        return self.folder / f"{name}.log"

    def failed(self, case: Case, system: System, name: str, error: BenchError) -> Outcome:
        """Return the outcome of a run that gave nothing."""
        problem = "; ".join(filter(None, (str(error), last_words(self.log(name)))))
        return Outcome(case.name, system.name, 0, 0, 0, 0, 0, {}, problem)

    def setup(self, case: Case, topic: str, port: int, name: str) -> Setup:
        """Return what a bridge is told in this case."""
        return Setup(
            case.direction,
            port,
            self.topics.bootstrap,
            topic,
            name,
            self.folder,
            case.load.qos,
            case.window,
        )


def run(bench: Bench, case: Case, system: System, name: str, filled: str = "") -> Outcome:
    """Make one run; `name` is new for each, `filled` the topic for Kafka to MQTT."""
    try:
        if case.direction == "kafka-to-mqtt":
            return _kafka_to_mqtt(bench, case, system, name, filled)
        return _mqtt_to_kafka(bench, case, system, name)
    except BenchError as error:
        return bench.failed(case, system, name, error)


def _mqtt_to_kafka(bench: Bench, case: Case, system: System, name: str) -> Outcome:
    with (
        bench.scratch_topic(name) as topic,
        bench.station("mqtt_source", _source_plan(case)) as source,
    ):
        port = source.await_event("listening", 20)["port"]
        command = system.command(bench.setup(case, topic, port, name))
        with running(command, bench.log(name)) as bridge:
            source.say(bridge.pid)
            source.await_event("subscribed", _CONNECT_SECONDS, bridge)
            if case.load.qos:
                result = source.await_event("result", case.deadline_seconds + 10, bridge)
                laps = [Lap(**lap) for lap in result["laps"]]
                rss = result["rss_peak_mib"]
            else:
                laps = laps_by_end_offsets(bench.topics, topic, case, bridge, source, held=True)
                rss, result = memory_mib(bridge.pid, "VmHWM"), {}
            verdict = bench.topics.read_back(topic, case.load, case.total, keyed=system.keyed)
    outcome = outcome_of(case, system, laps, verdict, rss)
    acks = {name: count for name, count in result.get("acks", {}).items() if count}
    return replace(outcome, faults={**outcome.faults, **acks}, extra=latency(result))


def _source_plan(case: Case) -> str:
    """Return a source's plan; at QoS 0 it pauses after the warm-up.

    No PUBACK says there how far the bridge is, and much may be under way: counting begins and ends
    when nothing is.
    """
    holds = [] if case.load.qos else [case.warm_up]
    return case.plan(rate=case.rate, holds=holds)


def latency(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a source found out about latency, if it was asked to."""
    return {"latency_ms": result["latency_ms"]} if result.get("latency_ms") else {}


def laps_by_end_offsets(
    topics: Topics,
    topic: str,
    case: Case,
    bridge: subprocess.Popen[bytes],
    source: Station,
    *,
    held: bool = False,
) -> list[Lap]:
    """Read the clocks where no PUBACK tells: when Kafka has the messages.

    Raises:
        BenchError: Kafka gets no more, or the bridge or the source has ended.
    """
    laps: list[Lap] = []
    last, moved = 0, time.monotonic()
    deadline = moved + case.deadline_seconds
    while (now := time.monotonic()) < deadline and now < moved + 15:
        require_life(bridge)
        source.require_success()
        before = Lap.read([bridge.pid], 0)
        stored = topics.total(topic)
        if stored != last:
            last, moved = stored, now
        if stored >= (case.total if laps else case.warm_up):
            # The count belongs to a moment within the question: never take too little CPU for it.
            lap = before if not laps and not held else Lap.read([bridge.pid], 0)
            laps.append(replace(lap, messages=stored))
            if len(laps) == 2:
                return laps
            if held:
                source.say("go")
        time.sleep(0.02)
    raise BenchError(f"Kafka has {last} of {case.total} messages, and gets no more")


def _kafka_to_mqtt(bench: Bench, case: Case, system: System, name: str, filled: str) -> Outcome:
    with bench.station("mqtt_sink", case.plan(keyed_topics=system.keyed)) as sink:
        port = sink.await_event("listening", 20)["port"]
        command = system.command(bench.setup(case, filled, port, name))
        with running(command, bench.log(name)) as bridge:
            sink.say(bridge.pid)
            result = sink.await_event("result", case.deadline_seconds + 10, bridge)
    laps = [Lap(**lap) for lap in result["laps"]]
    verdict = Verdict(**result["verdict"])
    outcome = outcome_of(case, system, laps, verdict, result["rss_peak_mib"])
    if result["over_window"]:
        return replace(outcome, faults={**outcome.faults, "over_window": result["over_window"]})
    return outcome


def outcome_of(
    case: Case, system: System, laps: list[Lap], verdict: Verdict, rss_peak_mib: float
) -> Outcome:
    """Return what the clocks and the sink say about a run."""
    if len(laps) < 2:
        raise BenchError(f"only {verdict.received} of {case.total} messages within the time")
    first, last = laps
    return Outcome(
        case=case.name,
        system=system.name,
        messages=last.messages - first.messages,
        wall_seconds=last.at - first.at,
        cpu_seconds=last.bridge_cpu - first.bridge_cpu,
        source_cpu_seconds=last.own_cpu - first.own_cpu,
        rss_peak_mib=rss_peak_mib,
        faults=verdict.faults,
    )
