"""An event loop in a thread of its own.

Tests of processes are plain functions that block; sources, sinks, proxies and scripted brokers are
asynchronous and must go on meanwhile. A test enters them here.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
_SECONDS = 30


class Background:
    """Run coroutines in the thread's loop; use it as a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="background")
        self._entered = AsyncExitStack()
        self._futures: list[Future[Any]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for future in self._futures:
            future.cancel()
        try:
            self.run(self._end())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _end(self) -> None:
        await self._entered.aclose()
        await self._loop.shutdown_asyncgens()
        await asyncio.sleep(0)  # let the transports that were closed say so

    def enter(self, thing: AbstractAsyncContextManager[T]) -> T:
        """Enter an asynchronous context; it is left at the end of the test, the last one first."""
        return self.run(self._entered.enter_async_context(thing))

    def run(self, work: Coroutine[Any, Any, T], within_seconds: float = _SECONDS) -> T:
        """Run a coroutine to its end and return what it returns.

        Raises:
            TimeoutError: the deadline has passed; the coroutine is cancelled.
        """

        async def bounded() -> T:
            async with asyncio.timeout(within_seconds):
                return await work

        return asyncio.run_coroutine_threadsafe(bounded(), self._loop).result()

    def begin(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Run a coroutine while the test goes on; what still runs at its end is cancelled."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._futures.append(future)
        return future
