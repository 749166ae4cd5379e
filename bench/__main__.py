"""`python -m bench`: measure the bridge beside the baseline and mq-bridge; alone, the whole set."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import memory, pods, profile, report, suite
from bench.kafka_topics import Topics
from bench.messages import Load
from bench.processes import BenchError
from bench.results import Results
from bench.systems import DIRECTIONS, SYSTEMS
from bench.trial import Bench, Case, Outcome
from tests.support.kafka import KafkaCluster
from tools.components import kafka as kafka_component

_OUT = Path("bench/results/latest.json")
_QUICK_SECONDS = 5


@dataclass(frozen=True)
class Session:
    """One command: its arguments, a running Kafka, and the results so far."""

    arguments: argparse.Namespace
    bench: Bench
    kafka: KafkaCluster
    results: Results

    @property
    def template(self) -> Case:
        """The case that the arguments describe; others differ from it."""
        wanted = self.arguments
        load = Load(wanted.topics, wanted.payload, wanted.qos)
        return Case("", "mqtt-to-kafka", load, wanted.messages, wanted.warm_up, wanted.window)

    @property
    def systems(self) -> list[str]:
        """The systems, in the order in which they take turns."""
        return list(self.arguments.systems.split(","))

    def measure(self, cases: Sequence[Case], runs: int) -> None:
        """Run cases, tell each outcome as it comes, and keep what there is so far."""
        self.results.outcomes += suite.in_turn(self.bench, cases, self.systems, runs, _tell)
        self.results.write(self.arguments.out)


def _tell(outcome: Outcome) -> None:
    if outcome.problem:
        print(f"{outcome.case}, {outcome.system}: {outcome.problem}", flush=True)
        return
    faults = outcome.faults or "nothing wrong at the sink"
    print(
        f"{outcome.case}, {outcome.system}: {outcome.per_cpu_second:,.0f} msg/CPU-s, "
        f"{outcome.per_second:,.0f} msg/s, {outcome.rss_peak_mib:.0f} MiB; {faults}",
        flush=True,
    )


def run(session: Session) -> None:
    """Measure one load in the directions asked for, or from Mosquitto."""
    wanted = session.arguments
    directions = DIRECTIONS if wanted.direction == "both" else [wanted.direction]
    if wanted.mosquitto:
        session.measure([suite.mosquitto_case(session.template)], wanted.runs)
    else:
        session.measure(suite.cases(session.template, directions), wanted.runs)


def latency(session: Session) -> None:
    """Measure latency at set rates."""
    wanted = session.arguments
    rates = [int(rate) for rate in wanted.rates.split(",")]
    runs = 1 if wanted.command == "all" else wanted.runs
    session.measure(suite.latency_cases(session.template, rates, wanted.seconds), runs)


def measure_memory(session: Session) -> None:
    """Measure memory at rest, under load, and with Kafka frozen, at QoS 1 and 0."""
    names, wanted = suite.Names(), session.arguments
    for qos in (1, 0):
        load = replace(session.template.load, qos=qos)
        case = replace(session.template, name=f"Kafka frozen, QoS {qos}", load=load)
        for system in session.systems:
            row = memory.run(
                *(session.bench, case, SYSTEMS[system], names(system)),
                *(session.kafka, wanted.frozen_seconds),
            )
            print(report.memory_table([row]), flush=True)
            session.results.memory.append(row)


def profiles(session: Session) -> None:
    """Record where the CPU goes, each direction."""
    wanted = session.arguments
    directions = DIRECTIONS if wanted.direction == "both" else [wanted.direction]
    for direction in directions:
        for system in session.systems:
            stacks = profile.record(
                *(session.bench, session.template, direction, system, wanted.seconds),
                native=wanted.native,
            )
            kept = wanted.out.parent / f"profile-{system}-{stacks.name}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(stacks.read_text())
            print(f"\n{direction}, {system} ({kept})\n\n{profile.text(kept)}", flush=True)


def several_pods(session: Session) -> None:
    """Measure three pods beside one: saturated, then at set rates."""
    wanted, template = session.arguments, replace(session.template, name="three sessions")
    rates = [int(rate) for rate in wanted.rates.split(",") if wanted.command == "pods" and rate]
    paced = suite.latency_cases(template, rates, wanted.seconds)
    cases = [template]
    cases += [replace(case, name=f"{template.name}, {case.rate:,.0f}/s") for case in paced]
    for case in cases:
        outcomes = pods.in_turn(session.bench, [case], wanted.runs, wanted.idle_seconds, _tell)
        session.results.pods += outcomes
        session.results.write(wanted.out)


def everything(session: Session) -> None:
    """Do the documented set."""
    session.measure(suite.cases(session.template, DIRECTIONS), session.arguments.runs)
    session.measure(suite.further_cases(session.template), session.arguments.runs)
    latency(session)
    measure_memory(session)
    several_pods(session)


COMMANDS: dict[str, Callable[[Session], None]] = {
    "run": run,
    "latency": latency,
    "memory": measure_memory,
    "pods": several_pods,
    "profile": profiles,
    "all": everything,
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for name, function in COMMANDS.items():
        one = commands.add_parser(name, help=(function.__doc__ or "").splitlines()[0])
        many = 3_000_000 if name == "profile" else 500_000
        systems = "product" if name == "profile" else "product,baseline,mq-bridge"
        one.add_argument("--messages", type=int, default=many, help="counted a run")
        one.add_argument("--warm-up", type=int, default=50_000, help="before them, not counted")
        one.add_argument("--runs", type=int, default=1 if name == "latency" else 3)
        one.add_argument("--systems", default=systems, help=f"of {', '.join(SYSTEMS)}")
        one.add_argument("--direction", default="both", choices=[*DIRECTIONS, "both"])
        one.add_argument("--payload", type=int, default=200, help="bytes")
        one.add_argument("--qos", type=int, default=1, choices=[0, 1])
        one.add_argument("--topics", type=int, default=1000)
        one.add_argument("--window", type=int, default=8192, help="Receive Maximum, both ways")
        one.add_argument("--mosquitto", action="store_true", help="from a real Mosquitto")
        rates = "10000" if name == "pods" else "1000,10000"
        one.add_argument("--rates", default=rates, help="of latency or pods, messages a second")
        one.add_argument("--seconds", type=int, default=10, help="of latency, pods or profile")
        one.add_argument("--frozen-seconds", type=float, default=15.0, help="of memory")
        one.add_argument("--idle-seconds", type=float, default=10.0, help="of pods, before load")
        one.add_argument("--native", action="store_true", help="profile C and Rust frames too")
        one.add_argument("--quick", action="store_true", help="50,000 messages, one run")
        one.add_argument("--out", type=Path, default=_OUT)
    show = commands.add_parser("show", help="Print a result file's tables and draw its plots.")
    show.add_argument("--out", type=Path, default=_OUT)
    return top


def arguments_of(words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments, checked."""
    wanted = parser().parse_args(words)
    if wanted.command == "show":
        return wanted
    if unknown := set(wanted.systems.split(",")) - set(SYSTEMS):
        raise SystemExit(f"no such system: {', '.join(unknown)}; there are {', '.join(SYSTEMS)}")
    if wanted.command == "pods" and not wanted.qos:
        raise SystemExit("pods are measured by PUBACKs, which QoS 0 has not")
    if wanted.quick:
        wanted.runs, wanted.warm_up = 1, 20_000
        wanted.messages = suite.QUICK_MESSAGES if wanted.command != "profile" else 1_000_000
        wanted.seconds = min(wanted.seconds, _QUICK_SECONDS)
        wanted.frozen_seconds = min(wanted.frozen_seconds, float(_QUICK_SECONDS))
        wanted.idle_seconds = min(wanted.idle_seconds, float(_QUICK_SECONDS))
    return wanted


@contextmanager
def session_for(wanted: argparse.Namespace) -> Iterator[Session]:
    """Start a Kafka of our own in a folder that is deleted afterwards."""
    settings = {name: str(value) for name, value in vars(wanted).items()}
    with tempfile.TemporaryDirectory(prefix="mqtt-kafka-bench-") as folder:
        cluster = KafkaCluster(Path(folder))
        cluster.up()
        try:
            kept = wanted.out.with_name(f"{wanted.out.stem}-logs")
            bench = Bench(Topics(",".join(cluster.bootstrap)), Path(folder), kept)
            results = Results.begin(settings, kafka_component.VERSION)
            yield Session(wanted, bench, cluster, results)
        finally:
            cluster.down()


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; return 1 if the product or the baseline failed or muddled anything."""
    words = sys.argv[1:] if words is None else words
    wanted = arguments_of(words or ["all"])
    if wanted.command == "show":
        results = Results.read(wanted.out)
    else:
        try:
            with session_for(wanted) as session:
                COMMANDS[wanted.command](session)
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
        results = session.results
    if wanted.command == "profile":
        return 0
    files = results.write(wanted.out)
    print(f"\n{results.text()}\n\nwritten: {', '.join(map(str, files))}")
    for failure in results.failures:
        print(f"bench: {failure}", file=sys.stderr)
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
