"""Processes, ports and waits: what the fixtures stand on."""

import asyncio
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from tests.support.ports import free_port, is_open
from tests.support.processes import Process
from tests.support.waiting import eventually, eventually_async

SLEEPS = "import sys, time; print('here', flush=True); sum(range(2_000_000)); time.sleep(60)"


def python(folder: Path, code: str) -> Process:
    """Return a program of these lines."""
    return Process("program", folder, [sys.executable, "-c", code])


def started(folder: Path) -> Process:
    """Return a program that runs."""
    process = python(folder, SLEEPS)
    process.start(lambda: "here" in process.log, 10)
    return process


def test_a_program_that_ends_instead_of_serving_is_not_waited_for(tmp_path: Path) -> None:
    """And its last words are in the failure."""
    process = python(tmp_path, "raise SystemExit('no such file')")
    began = time.monotonic()
    with pytest.raises(AssertionError, match=r"(?s)no such file.*ended with 1"):
        process.start(lambda: False, 30)
    assert time.monotonic() - began < 10


def test_a_program_that_is_not_ready_in_time_is_killed(tmp_path: Path) -> None:
    """Nothing is left behind."""
    process = python(tmp_path, SLEEPS)
    with pytest.raises(AssertionError, match="not within"):
        process.start(lambda: False, 0.05)
    assert not process.running


def test_a_frozen_program_uses_no_time_and_goes_on_later(tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT; SIGTERM reaches it although it was frozen."""
    process = started(tmp_path)
    process.freeze()
    eventually(lambda: state(process) == "T", 5, what="stopped")
    process.thaw()
    eventually(lambda: state(process) == "S", 5, what="goes on")
    assert process.rss_bytes > 1_000_000
    eventually(lambda: process.cpu_seconds > 0, 5, what="has used time")
    process.freeze()
    assert process.terminate() == -signal.SIGTERM


def state(process: Process) -> str:
    """Return the state letter of the kernel."""
    return Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_a_killed_program_can_be_started_again(tmp_path: Path) -> None:
    """And its log is that of the last start."""
    process = started(tmp_path)
    process.kill()
    assert process.exit_code == -signal.SIGKILL
    process.launch()
    process.await_condition(lambda: process.log == "here\n", 10, what="prints again")
    process.kill()


def test_a_program_that_does_not_end_is_killed_and_reported(tmp_path: Path) -> None:
    """A test that waits for a clean end must not pass without one."""
    code = "import signal; signal.signal(signal.SIGTERM, lambda *_: None);" + SLEEPS
    process = python(tmp_path, code.replace("sleep(60)", "sleep(60)\ntime.sleep(60)"))
    process.start(lambda: "here" in process.log, 10)
    with pytest.raises(AssertionError, match="did not within"):
        process.terminate(0.2)
    assert not process.running


def test_free_ports_are_free_and_differ() -> None:
    """They lie where no outgoing connection takes them."""
    ports = {free_port() for _ in range(20)}
    assert len(ports) == 20
    assert not any(map(is_open, ports))
    with socket.create_server(("127.0.0.1", ports.pop())) as server:
        assert is_open(server.getsockname()[1])


def test_a_condition_that_never_holds_says_what_it_was() -> None:
    """The last value helps to see why."""
    with pytest.raises(AssertionError, match=r"not within 0\.02 s: rain; last seen: 0"):
        eventually(lambda: 0, 0.02, what="rain")


def test_errors_that_mean_not_yet_are_waited_out() -> None:
    """Any other error ends the wait at once."""
    answers = iter([0, 7])

    def condition() -> int:
        if (answer := next(answers)) == 0:
            raise OSError("not yet")
        return answer

    assert eventually(condition, 5, ignoring=(OSError,)) == 7


async def test_a_wait_in_a_coroutine_lets_the_loop_go_on() -> None:
    """What it waits for happens meanwhile."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    assert await eventually_async(done.done, 1)
    with pytest.raises(AssertionError, match="rain"):
        await eventually_async(lambda: False, 0.01, what="rain")
