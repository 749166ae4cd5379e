"""What is to be reconciled: each bridge once, however much happens to it."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

import structlog

from mqtt_kafka_operator.errors import PassingError

FIRST_SECONDS: Final = 0.5
"""After a failure; twice as long after each further one."""
LONGEST_SECONDS: Final = 60.0
BUG_SECONDS: Final = 300.0
_log = structlog.get_logger()
K = TypeVar("K", bound=Hashable)


class Queue(Generic[K]):
    """A queue of keys.

    Args:
        work: does what is to be done for a key; may return after how many seconds to do it again.
        workers: how many keys at the same time.
    """

    def __init__(self, work: Callable[[K], Awaitable[float | None]], workers: int = 8) -> None:
        self._work, self._workers = work, workers
        self._due: dict[K, float] = {}
        self._not_before: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._running: dict[asyncio.Task[float | None], K] = {}
        self._bell = asyncio.Event()

    def add(self, key: K, after_seconds: float = 0.0) -> None:
        """Have a key worked on; if it is already to be, then at the earlier of the two times."""
        due = time.monotonic() + after_seconds
        self._due[key] = min(due, self._due.get(key, due))
        self._bell.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is cancelled with it."""
        try:
            while True:
                self._bell.clear()
                self._start_due()
                bell = asyncio.create_task(self._bell.wait())
                await asyncio.wait(
                    {bell, *self._running},
                    timeout=self._pause(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                bell.cancel()
                for task in [task for task in self._running if task.done()]:
                    self._conclude(self._running.pop(task), task)
        finally:
            for task in self._running:
                task.cancel()
            if self._running:
                await asyncio.wait(self._running)

    def _start_due(self) -> None:
        now, busy = time.monotonic(), set(self._running.values())
        for key in sorted(self._due, key=self._when):
            if len(self._running) >= self._workers or self._when(key) > now:
                return
            if key not in busy:
                del self._due[key]
                self._running[asyncio.ensure_future(self._work(key))] = key

    def _when(self, key: K) -> float:
        return max(self._due[key], self._not_before.get(key, 0.0))

    def _pause(self) -> float | None:
        """Return how long nothing is due."""
        busy = set(self._running.values())
        waiting = [self._when(key) for key in self._due if key not in busy]
        if not waiting or len(self._running) >= self._workers:
            return None
        return max(0.0, min(waiting) - time.monotonic())

    def _conclude(self, key: K, task: asyncio.Task[float | None]) -> None:
        """Take note of how it went."""
        self._not_before.pop(key, None)
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._failures.pop(key, None)
            again = None if task.cancelled() else task.result()
            if again is not None:
                self.add(key, again)
            return
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        if isinstance(error, PassingError):
            longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** (failures - 1))
            seconds = max(error.retry_after_seconds or 0.0, longest * random.uniform(0.5, 1.0))
            _log.info("tried_again", key=key, error=str(error), seconds=round(seconds, 1))
        else:
            seconds = BUG_SECONDS
            _log.error("bug", key=key, exc_info=error)
        self._not_before[key] = time.monotonic() + seconds
        self.add(key, seconds)
