"""Where the bridge spends its CPU: py-spy for some seconds under full load, each direction."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bench.processes import BenchError, running
from bench.report import aligned
from bench.suite import Names
from bench.systems import SYSTEMS, Direction
from bench.trial import Bench, Case

_SAMPLES_PER_SECOND = 250
_FRAME = re.compile(r"^(?P<name>.*) \((?P<file>.*?)(?::(?P<line>\d+))?\)$")


def record(
    bench: Bench, template: Case, direction: Direction, system: str, seconds: int, *, native: bool
) -> Path:
    """Run a system under load, record its stacks, and return the file of collapsed stacks."""
    case = replace(template, direction=direction, deadline_seconds=seconds + 60.0)
    name = Names()(f"profile-{system}")
    station = "mqtt_source" if direction == "mqtt-to-kafka" else "mqtt_sink"
    with bench.scratch_topic(name) as topic:
        if direction == "kafka-to-mqtt":
            bench.topics.fill(topic, case.load, case.total)
        with bench.station(station, case.plan()) as ours:
            port = ours.await_event("listening", 20)["port"]
            command = SYSTEMS[system].command(bench.setup(case, topic, port, name))
            with running(command, bench.log(name)) as bridge:
                ours.say(bridge.pid)
                ours.await_event("flowing", 60, bridge)
                return _spy(bench.folder / f"{direction}.stacks", bridge.pid, seconds, native)


def _spy(path: Path, pid: int, seconds: int, native: bool) -> Path:  # noqa: FBT001 - one caller
    spy = Path(sys.executable).with_name("py-spy")
    command = [str(spy), "record", "--pid", str(pid), "--duration", str(seconds)]
    command += ["--rate", str(_SAMPLES_PER_SECOND), "--format", "raw", "--output", str(path)]
    command += ["--native"] if native else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"py-spy: {done.stderr.strip()}")
    return path


def shares(stacks: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """Return samples per line (where the time is spent), and per function (with what it calls).

    `stacks` are lines of py-spy's raw format: `frame;frame;frame count`, innermost frame last.
    """
    lines: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for stack in stacks:
        frames, _, count = stack.rpartition(" ")
        if not frames:
            continue
        named = [_short(frame) for frame in frames.split(";")]
        lines[f"{named[-1][0]}:{named[-1][1]}" if named[-1][1] else named[-1][0]] += int(count)
        functions.update(dict.fromkeys({function for function, _ in named}, int(count)))
    return lines, functions


def _short(frame: str) -> tuple[str, str]:
    """Split a frame into `function (package/file)` and its line number."""
    if not (match := _FRAME.match(frame)):
        return frame, ""
    file = "/".join(Path(match["file"]).parts[-2:])
    return f"{match['name']} ({file})", match["line"] or ""


def text(path: Path, count: int = 10) -> str:
    """Return the most expensive lines and functions of a recording."""
    lines, functions = shares(path.read_text().splitlines())
    total = max(1, lines.total())
    roots = [name for name, samples in functions.items() if samples == total]
    for name in roots:  # in every stack: the program's own start
        del functions[name]
    parts = []
    for title, found in (("line, itself", lines), ("function, with what it calls", functions)):
        rows = [("share", "samples", title)]
        rows += [
            (f"{samples / total:.1%}", str(samples), name)
            for name, samples in found.most_common(count)
        ]
        parts.append(aligned(rows))
    return "\n\n".join(parts)
