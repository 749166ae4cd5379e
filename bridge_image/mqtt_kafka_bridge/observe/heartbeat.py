"""How promptly the event loop runs: one timer that measures how late it fires.

Liveness and metrics read it. Whatever blocks the loop (a long computation, a frozen process, too
little CPU) delays every message by as much.
"""

import asyncio

_INTERVAL_SECONDS = 0.25
_WINDOW_SECONDS = 30.0


class Heartbeat:
    """Measure the lag of the running event loop, from `start` to `stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._last_lag = 0.0
        self._window_end = 0.0
        self._worst = self._worst_before = 0.0

    def start(self) -> None:
        """Beat from now on."""
        self._window_end = self._loop.time() + _WINDOW_SECONDS
        self._schedule()

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()

    @property
    def lag_seconds(self) -> float:
        """How late the last beat was, or the next one is by now."""
        return max(self._last_lag, self._loop.time() - self._due)

    @property
    def worst_seconds(self) -> float:
        """The worst lag of the last 30 to 60 seconds."""
        return max(self._worst, self._worst_before, self.lag_seconds)

    def _schedule(self) -> None:
        self._due = self._loop.time() + _INTERVAL_SECONDS
        self._timer = self._loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        now = self._loop.time()
        self._last_lag = max(0.0, now - self._due)
        if now >= self._window_end:
            self._worst_before, self._worst = self._worst, 0.0
            self._window_end = now + _WINDOW_SECONDS
        self._worst = max(self._worst, self._last_lag)
        self._schedule()
