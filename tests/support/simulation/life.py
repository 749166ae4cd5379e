"""One life of one process, as the world sees it: it may be frozen, cut off, or killed."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any
from weakref import WeakSet

from tests.support.simulation.clock import OWNER, SimulatedLoop


class Life:
    """From the start of a process to its end.

    Args:
        loop: the simulated loop.
        name: the pod's name; the next life of the same pod has the same.
    """

    def __init__(self, loop: SimulatedLoop, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.without_kafka = False
        """Whether this process alone can't reach Kafka."""
        self.without_mqtt = False
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.context = copy_context()
        self.context.run(OWNER.set, self)
        self._loop = loop
        self._frozen_at = 0.0
        self._frozen_seconds = 0.0

    @property
    def own_time(self) -> float:
        """The time that has passed for it, in seconds: without that in which it was frozen."""
        frozen = self._loop.now - self._frozen_at if self.frozen else 0.0
        return self._loop.now - self._frozen_seconds - frozen

    @property
    def running(self) -> bool:
        """Whether its code runs."""
        return self.alive and not self.frozen

    @property
    def in_touch(self) -> bool:
        """Whether Kafka hears it."""
        return self.running and not self.without_kafka

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task in it."""
        return self._loop.create_task(work, name=name, context=self.context.copy())

    def soon(self, callback: Callable[..., object], *args: object) -> None:
        """Call back as this process, when it runs."""
        self._loop.call_soon(callback, *args, context=self.context)

    def part_from_kafka(self) -> None:
        """Let it reach Kafka no more."""
        self.without_kafka, self.without_kafka_since = True, self._loop.now

    def freeze(self) -> None:
        """Stop it, as SIGSTOP does: nobody is told, and its connections stay."""
        if not self.frozen:
            self.frozen, self._frozen_at = True, self._loop.now
            self._loop.freeze(self)

    def thaw(self) -> None:
        """Let it go on."""
        if self.alive and self.frozen:
            self.frozen = False
            self._frozen_seconds += self._loop.now - self._frozen_at
            self._loop.thaw(self)

    def die(self) -> None:
        """End it, as SIGKILL does: nothing of it runs any more."""
        self.alive = False
        self._loop.freeze(self)


def owned(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:  # noqa: ANN401 - a task factory
    """Make a task that its owner knows."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    owner = (options.get("context") or copy_context()).get(OWNER)
    if isinstance(owner, Life):
        owner.tasks.add(task)
    return task
