"""Start processes, stop them, and read from /proc what they cost."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_KIB_PER_MIB = 1024
STOP_SECONDS = 25


class BenchError(Exception):
    """A measurement that could not be made, and why."""


def family(pid: int) -> list[int]:
    """Return a process and its living descendants; nothing if it is gone."""
    pids = [pid]
    for parent in pids:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                pids += map(int, (task / "children").read_text().split())
        except OSError:  # it ended while we looked
            continue
    return pids


def cpu_seconds(pid: int) -> float:
    """Return user + system time of a process and its children, ended children included."""
    ticks = 0
    for member in family(pid):
        try:
            stat = Path(f"/proc/{member}/stat").read_text()
        except OSError:  # it ended while we looked
            continue
        ticks += sum(map(int, stat.rpartition(")")[2].split()[11:15]))
    return ticks / _TICKS_PER_SECOND


def memory_mib(pid: int, field: str = "VmRSS") -> float:
    """Return resident memory of a process and its children, now or (VmHWM) at its peak."""
    kib = 0
    for member in family(pid):
        try:
            lines = Path(f"/proc/{member}/status").read_text().splitlines()
        except OSError:  # it ended while we looked
            continue
        kib += sum(int(line.split()[1]) for line in lines if line.startswith(field + ":"))
    return kib / _KIB_PER_MIB


@dataclass(frozen=True)
class Lap:
    """A reading of the clocks: seconds of wall time, and CPU seconds so far."""

    at: float
    bridge_cpu: float
    own_cpu: float
    messages: int

    @classmethod
    def read(cls, pids: Iterable[int], messages: int) -> Self:
        """Read the clocks now; `pids` are the bridge, `own` the calling process."""
        cpu = sum(map(cpu_seconds, pids))
        return cls(time.monotonic(), cpu, time.process_time(), messages)


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; its output goes to a file; stop it by SIGTERM, at last by SIGKILL."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
        try:
            yield process
        finally:
            stop(process)


def last_words(log: Path) -> str:
    """Return the last line of a log, cut, for a report of what went wrong."""
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line[:300] for line in reversed(lines) if line.strip()), "")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of our own, children last."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Station:
    """A source or sink of ours as a process: it tells events on stdout, takes words on stdin."""

    def __init__(self, module: str, plan: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, plan], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        assert self._process.stdout is not None  # noqa: S101 - asked for a pipe
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 - asked for a pipe
        self._process.stdin.close()
        stop(self._process)
        self._reader.join()

    def _read(self, lines: IO[bytes]) -> None:
        with lines:
            for line in lines:
                self._events.put(json.loads(line))
        self._events.put(None)

    def say(self, word: object) -> None:
        """Send a line."""
        assert self._process.stdin is not None  # noqa: S101 - asked for a pipe
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()

    def await_event(
        self, name: str, seconds: float, *bridges: subprocess.Popen[bytes]
    ) -> dict[str, Any]:
        """Return the next event of that name.

        Raises:
            BenchError: it does not come in time, or a bridge or this process ends.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for bridge in bridges:
                require_life(bridge)
            try:
                event = self._events.get(timeout=0.1)
            except queue.Empty:
                continue
            if self._checked(event)["event"] == name:
                return self._checked(event)
        raise BenchError(f"no {name} within {seconds:.0f} s")

    def require_success(self) -> None:
        """Raise BenchError if it has told of a failure; its other events are dropped."""
        while not self._events.empty():
            event = self._events.get()
            if event is not None or self._process.wait():
                self._checked(event)

    def _checked(self, event: dict[str, Any] | None) -> dict[str, Any]:
        if event is None:
            raise BenchError(f"our own process {self._module} ended")
        if event["event"] == "failed":
            raise BenchError(event["why"])
        return event


def require_life(bridge: subprocess.Popen[bytes]) -> None:
    """Raise BenchError if the bridge has ended."""
    if bridge.poll() is not None:
        raise BenchError(f"the bridge ended with exit code {bridge.returncode}")
