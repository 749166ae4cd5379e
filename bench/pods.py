"""Three pods beside one: what it costs to spread the sessions of a mapping whose order is `None`.

Both have the same three sessions, members of one share, and the same messages, dealt out to the
sessions one by one. One process runs all three, or three processes with one configuration run one
each, as Kafka's group coordinator assigns them.
"""

import http.client
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.processes import BenchError, Lap, cpu_seconds, require_life, running
from bench.report import aligned
from bench.suite import Names
from bench.systems import SYSTEMS, System
from bench.trial import Bench, Case, Outcome, latency, outcome_of

SESSIONS = 3
PODS = (1, SESSIONS)
_SETTLE_SECONDS = 90.0
_ASK_SECONDS = 5.0
_ANY_ORDER = "out_of_order"
"""What ordering `None` does not promise: counted, and no fault."""
_HEADINGS = (
    *("case", "system", "runs", "us/msg", "spread", "x 1 pod", "msg/s wall", "MiB in all"),
    *("idle %", "p99 ms", "faults"),
)


@dataclass(frozen=True)
class Pod:
    """A bridge process, and the log that says where it serves."""

    process: subprocess.Popen[bytes]
    log: Path

    def forwarding(self) -> int:
        """Return how many sessions it says it forwards; none while it does not answer."""
        address = self._address()
        if not address:
            return 0
        connection = http.client.HTTPConnection(address, timeout=_ASK_SECONDS)
        try:
            connection.request("GET", "/status")
            status = json.load(connection.getresponse())
        except OSError:
            return 0
        finally:
            connection.close()
        return sum(session["state"] == "Forwarding" for session in status["sessions"])

    def _address(self) -> str:
        """Return the host and port that its log names."""
        for line in self.log.read_text().splitlines():
            if '"http.url"' in line and line.endswith("}"):
                return str(json.loads(line)["http.url"]).removeprefix("http://")
        return ""


def in_turn(
    bench: Bench,
    cases: Sequence[Case],
    runs: int,
    idle_seconds: float,
    tell: Callable[[Outcome], None],
) -> list[Outcome]:
    """Run every case: one pod and three in turn, for the machine's state differs by the minute."""
    names, outcomes = Names(), []
    for case in cases:
        for _ in range(runs):
            for pods in PODS:
                outcome = run(bench, case, pods, names("pods"), idle_seconds)
                outcomes.append(outcome)
                tell(outcome)
    return outcomes


def run(bench: Bench, case: Case, pods: int, name: str, idle_seconds: float) -> Outcome:
    """Make one run with so many pods; first they do nothing for some seconds, and are timed."""
    system = replace(SYSTEMS["product"], name="1 pod" if pods == 1 else f"{pods} pods")
    try:
        outcome = _run(bench, case, system, pods, name, idle_seconds)
    except BenchError as error:
        outcome = bench.failed(case, system, _pod_name(name, 0), error)
    if outcome.problem or outcome.faults:
        for pod in range(pods):
            bench.keep_log(_pod_name(name, pod))
    return outcome


def _run(
    bench: Bench, case: Case, system: System, count: int, name: str, idle_seconds: float
) -> Outcome:
    # Saturated, three windows are under way when the warm-up ends: there it pauses.
    holds = [0] if case.rate else [0, case.warm_up]
    plan = case.plan(rate=case.rate, clients=SESSIONS, holds=holds)
    with bench.scratch_topic(name) as topic, bench.station("mqtt_source", plan) as source:
        port = source.await_event("listening", 20)["port"]
        with _started(bench, case, topic, port, name, count) as pods:
            bridges = [pod.process for pod in pods]
            source.say(" ".join(str(bridge.pid) for bridge in bridges))
            source.await_event("held", _SETTLE_SECONDS, *bridges)
            await_shared(pods)
            idle = idle_percent([bridge.pid for bridge in bridges], idle_seconds)
            source.say("go")
            for _ in holds[1:]:
                source.await_event("held", case.deadline_seconds, *bridges)
                source.say("go")
            result = source.await_event("result", case.deadline_seconds + 10, *bridges)
            verdict = bench.topics.read_back(topic, case.load, case.total, keyed=True)
    laps = [Lap(**lap) for lap in result["laps"]]
    outcome = outcome_of(case, system, laps, verdict, result["rss_peak_mib"])
    faults = {**outcome.faults, **{kind: n for kind, n in result["acks"].items() if n}}
    extra = {_ANY_ORDER: faults.pop(_ANY_ORDER, 0), "idle_percent": idle, **latency(result)}
    return replace(outcome, faults=faults, extra=extra)


def _pod_name(name: str, pod: int) -> str:
    return f"{name}.{pod}"


@contextmanager
def _started(
    bench: Bench, case: Case, topic: str, port: int, name: str, count: int
) -> Iterator[list[Pod]]:
    """Start pods of one bridge, whose files differ by the pod's name alone; stop all at once."""
    setup = replace(bench.setup(case, topic, port, name), sessions=SESSIONS)
    try:
        with ExitStack() as stack:
            pods = []
            for number in range(count):
                command = SYSTEMS["product"].command(replace(setup, pod=str(number)))
                log = bench.log(_pod_name(name, number))
                pods.append(Pod(stack.enter_context(running(command, log)), log))
            yield pods
            for pod in pods:
                pod.process.terminate()
    finally:
        bench.topics.delete(f"mqttkafka.local.{name}.sessions")


def await_shared(pods: Sequence[Pod]) -> None:
    """Wait until all sessions forward, as many on each pod.

    Raises:
        BenchError: they don't in time, or a pod has ended.
    """
    each, counts = SESSIONS // len(pods), [0]
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        for pod in pods:
            require_life(pod.process)
        counts = [pod.forwarding() for pod in pods]
        if counts == [each] * len(pods):
            return
        time.sleep(0.1)
    raise BenchError(f"the pods forward {counts} sessions after {_SETTLE_SECONDS:.0f} s")


def idle_percent(pids: Sequence[int], seconds: float) -> list[float]:
    """Return how much of one core each process takes now, over some seconds."""
    before = [cpu_seconds(pid) for pid in pids]
    start = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    return [(cpu_seconds(pid) - cpu) / took * 100 for pid, cpu in zip(pids, before, strict=True)]


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the medians of each case: one pod, then three and what they cost beside it."""
    groups: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.case, {}).setdefault(outcome.system, []).append(outcome)
    rows: list[tuple[str, ...]] = [_HEADINGS]
    for systems in groups.values():
        one = _microseconds(systems.get("1 pod", []))
        rows += [_row(group, one) for group in systems.values()]
    return aligned(rows) if groups else ""


def _row(group: Sequence[Outcome], one: Sequence[float]) -> tuple[str, ...]:
    good = [outcome for outcome in group if not outcome.problem]
    costs = _microseconds(group)
    wrong = [f"{n} {kind}" for outcome in good for kind, n in outcome.faults.items()]
    wrong += [outcome.problem for outcome in group if outcome.problem]
    idle = [share for outcome in good for share in outcome.extra["idle_percent"]]
    slow = [_p99(outcome.extra) for outcome in good if outcome.extra.get("latency_ms")]
    return (
        *(group[0].case, group[0].system, str(len(good))),
        _median(costs),
        f"{costs[0]:.2f}-{costs[-1]:.2f}" if costs else "",
        f"{statistics.median(costs) / statistics.median(one):.2f}" if costs and one else "",
        _median([outcome.per_second for outcome in good], 0),
        _median([outcome.rss_peak_mib for outcome in good], 0),
        *(_median(idle), _median(slow, 1)),
        "; ".join(wrong) or "none",
    )


def _microseconds(group: Sequence[Outcome]) -> list[float]:
    """Return CPU for one message, of all pods together, the cheapest run first."""
    return sorted(one.cpu_seconds / one.messages * 1e6 for one in group if not one.problem)


def _p99(extra: dict[str, Any]) -> float:
    return float(extra["latency_ms"]["p99"])


def _median(values: Sequence[float], digits: int = 2) -> str:
    return f"{statistics.median(values):,.{digits}f}" if values else ""
