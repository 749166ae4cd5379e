"""Child processes of a test: started, watched, frozen, killed and ended, always by their own id.

Each runs in a process group of its own, so that Ctrl-C at the terminal reaches pytest alone, which
then ends them in order. What a test or a crash of pytest leaves behind is killed at exit.
"""

import atexit
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from tests.support.waiting import eventually

_TAIL_LINES = 40
_running: dict[int, "Process"] = {}


class Process:
    """A program that can be started more than once; its output goes to one file.

    Args:
        name: for failure texts, and the name of the log file.
        folder: where the log file lies and where the program runs.
        arguments: the command line.
        environment: added to the environment of the tests.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.folder = folder
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self.log_file = folder / f"{name}.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self, ready: Callable[[], object], within_seconds: float) -> None:
        """Start the program and wait until it is ready.

        Raises:
            AssertionError: it ended, or was not ready in time; the log's tail is in the text.
        """
        self.launch()
        try:
            self.await_condition(ready, within_seconds, what="ready")
        except BaseException:
            self.kill()
            raise

    def launch(self) -> None:
        """Start the program without waiting for anything."""
        assert not self.running, f"{self.name} runs already"
        with self.log_file.open("ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                self.arguments,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        _running[self._child.pid] = self

    def await_condition(
        self, condition: Callable[[], object], within_seconds: float, *, what: str
    ) -> None:
        """Wait for a condition that can only come true while the program lives.

        Raises:
            AssertionError: the program ended, or the deadline has passed.
        """

        def met_or_ended() -> bool:
            return bool(condition()) or self.exit_code is not None

        eventually(met_or_ended, within_seconds, what=lambda: self._story(what))
        if self.exit_code is not None and not condition():
            raise AssertionError(f"{self._story(what)}: it ended with {self.exit_code}")

    def _story(self, what: str) -> str:
        return f"{self.name} {what}; its log ends with\n{self.log_tail()}\n"

    @property
    def pid(self) -> int:
        """The process id of the last start."""
        assert self._child is not None, f"{self.name} was never started"
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal that ended it); None while it runs."""
        if self._child is None:
            return None
        code = self._child.poll()
        if code is not None:
            _running.pop(self._child.pid, None)
        return code

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self.exit_code is None

    @property
    def log(self) -> str:
        """What it has written since its last start."""
        with self.log_file.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.splitlines()[-_TAIL_LINES:])

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._child is not None, f"{self.name} was never started"
        self._child.send_signal(number)

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP); its connections stay open."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """End it without warning (SIGKILL), frozen or not."""
        if self._child is not None and self.running:
            self._child.kill()
            self.wait(10)

    def terminate(self, within_seconds: float = 20) -> int:
        """Ask it to end (SIGTERM), wait, and return its exit code.

        Raises:
            AssertionError: it did not end in time; it has been killed.
        """
        if self._child is not None and self.running:
            self.thaw()
            self._child.terminate()
        return self.wait(within_seconds)

    def wait(self, within_seconds: float) -> int:
        """Wait for its end and return its exit code.

        Raises:
            AssertionError: it did not end in time; it has been killed.
        """
        assert self._child is not None, f"{self.name} was never started"
        try:
            self._child.wait(within_seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(10)
            text = f"{self._story('ended')}: it did not within {within_seconds:g} s"
            raise AssertionError(text) from None
        finally:
            _running.pop(self._child.pid, None)
        return self._child.returncode

    @property
    def rss_bytes(self) -> int:
        """Its memory at this moment."""
        return int(psutil.Process(self.pid).memory_info().rss)

    @property
    def cpu_seconds(self) -> float:
        """User and system time since its start."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


def kill_all() -> None:
    """Kill what still runs; for the end of a session only."""
    for process in list(_running.values()):
        process.kill()


atexit.register(kill_all)
