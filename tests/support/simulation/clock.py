"""Virtual time: an event loop that never waits but moves its clock to the next timer."""

import asyncio
from collections.abc import Sequence

MOST_TURNS = 20_000
"""Turns of the loop without a tick of the clock, after which something is taken to spin."""


class DeadlockError(Exception):
    """Nothing is ready and no timer is set: nothing would ever happen again."""


class SpinningError(Exception):
    """Work goes on and on, and the clock stands."""


class _Jump:
    """Stands where a loop has its selector."""

    def __init__(self, loop: "SimulatedLoop") -> None:
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None) -> Sequence[object]:
        """Move the clock instead of waiting."""
        if timeout is None:
            raise DeadlockError(f"at {self._loop.now:.3f} s")
        self._turns = self._turns + 1 if timeout <= 0 else 0
        if self._turns > MOST_TURNS:
            raise SpinningError(f"{MOST_TURNS} turns at {self._loop.now:.3f} s")
        self._loop.now += max(0.0, timeout)
        return ()


class SimulatedLoop(asyncio.BaseEventLoop):
    """A loop without input or output; `now` is its clock, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._clock_resolution = 1e-6
        self._selector = _Jump(self)

    def time(self) -> float:
        """Return the simulated time, in seconds."""
        return self.now

    def _process_events(self, event_list: Sequence[object]) -> None:
        """Do nothing: there are no files."""

    def _write_to_self(self) -> None:
        """Do nothing: there is no other thread."""
