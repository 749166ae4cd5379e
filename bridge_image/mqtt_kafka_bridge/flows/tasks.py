"""Small pieces of concurrency that flows share: a tick, a back-off, a look-up beside a loop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from random import uniform
from types import TracebackType
from typing import Any, Self, TypeVar

from mqtt_kafka_bridge.errors import BridgeError

T = TypeVar("T")
TICK_SECONDS = 1.0
CANCEL_SECONDS = 3.0
"""How long a task that was cancelled may take to end in order."""
RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 5.0)
"""Delays before Kafka is tried again; the last one for ever."""


async def guarded(work: Coroutine[Any, Any, None]) -> None:
    """Do work in a task of its own; a cancellation that nobody asked for is a bug.

    A library can raise one that was meant for another. A task group takes that for a task that was
    told to stop, and what it did would stand still in a process that looks alive.

    Raises:
        RuntimeError: that bug.
    """
    task = asyncio.current_task()
    try:
        await work
    except asyncio.CancelledError as error:
        if task is not None and task.cancelling():
            raise
        raise RuntimeError("cancelled by nobody") from error


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait until it is over, asking again if its cancellation got lost.

    What it waits for may catch the cancellation instead of it.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_SECONDS)


async def unless(called_off: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Do work; return None once it is called off, when it has undone what it had begun."""
    doing = asyncio.create_task(work)
    waiting = asyncio.create_task(called_off.wait())
    try:
        await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        await ended(doing)
    return None if doing.cancelled() else doing.result()


class Backoff:
    """Delays that grow while nothing works, with jitter."""

    def __init__(self) -> None:
        self._failures = 0

    def reset(self) -> None:
        """Start small again: something worked."""
        self._failures = 0

    async def wait(self) -> None:
        """Wait before the next try."""
        delay = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        await asyncio.sleep(uniform(delay / 2, delay))


class Ticks:
    """Whether a tick has passed since the last question."""

    def __init__(self) -> None:
        self.due = False

    def passed(self) -> bool:
        """Tell once for each tick."""
        due, self.due = self.due, False
        return due


@contextmanager
def ticking(wake: asyncio.Event) -> Iterator[Ticks]:
    """Set `wake` once a second."""
    loop, ticks = asyncio.get_running_loop(), Ticks()
    handles: list[asyncio.TimerHandle] = []

    def tick() -> None:
        ticks.due = True
        wake.set()
        handles[:] = [loop.call_later(TICK_SECONDS, tick)]

    handles.append(loop.call_later(TICK_SECONDS, tick))
    try:
        yield ticks
    finally:
        handles[0].cancel()


async def persistently(act: Callable[[], Awaitable[T]], show: Callable[[BridgeError], None]) -> T:
    """Try until it is done, however long it takes; show meanwhile why it is not."""
    backoff = Backoff()
    while True:
        try:
            return await act()
        except BridgeError as error:
            show(error)
            await backoff.wait()


class Lookups:
    """At most one look-up at a time, beside a loop that it wakes when it is done."""

    def __init__(self, wake: asyncio.Event) -> None:
        self._wake = wake
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()

    def start(self, name: str, lookup: Coroutine[Any, Any, None]) -> None:
        """Begin a look-up, unless one is under way."""
        if self._task is not None:
            lookup.close()
            return
        self._task = asyncio.create_task(lookup, name=f"look up {name}")
        self._task.add_done_callback(lambda _: self._wake.set())

    def check(self) -> None:
        """Clear the way for the next look-up; raise what this one raised: a bug."""
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            task.result()
