"""The queue of bridges: one at a time each, once more for whatever comes meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from mqtt_kafka_operator.errors import PassingError
from mqtt_kafka_operator.queue import FIRST_SECONDS, Queue
from tests.support.waiting import eventually_async

Work = Callable[[str], Awaitable[float | None]]


@asynccontextmanager
async def running(work: Work, workers: int = 2) -> AsyncIterator[Queue[str]]:
    """Run a queue."""
    queue = Queue(work, workers)
    task = asyncio.create_task(queue.run())
    yield queue
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_whatever_comes_while_a_key_is_worked_on_is_one_more_turn() -> None:
    """Never two at once."""
    turns: Counter[str] = Counter()
    goes_on = asyncio.Event()

    async def work(key: str) -> None:
        turns[key] += 1
        await goes_on.wait()

    async with running(work) as queue:
        queue.add("a")
        await eventually_async(lambda: turns["a"] == 1, 5)
        for _ in range(5):
            queue.add("a")
        queue.add("b")
        await eventually_async(lambda: turns["b"] == 1, 5)
        assert turns["a"] == 1
        goes_on.set()
        await eventually_async(lambda: turns["a"] == 2, 5)
        queue.add("c")
        await eventually_async(lambda: turns["c"] == 1, 5)
    assert turns == {"a": 2, "b": 1, "c": 1}


async def test_what_passes_is_tried_again_and_a_bug_of_one_hurts_no_other() -> None:
    turns: Counter[str] = Counter()

    async def work(key: str) -> None:
        turns[key] += 1
        if key == "bug":
            raise ZeroDivisionError
        if turns[key] == 1:
            raise PassingError("the API server is away")

    async with running(work) as queue:
        queue.add("bug")
        queue.add("a")
        await eventually_async(lambda: turns["a"] == 2, FIRST_SECONDS + 5)
    assert turns["bug"] == 1


async def test_work_may_ask_to_be_done_again() -> None:
    turns: Counter[str] = Counter()

    async def work(key: str) -> float | None:
        turns[key] += 1
        return 0.0 if turns[key] == 1 else None

    async with running(work) as queue:
        queue.add("a")
        await eventually_async(lambda: turns["a"] == 2, 5)


async def test_what_is_under_way_ends_with_the_queue() -> None:
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def work(_: str) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with running(work) as queue:
        queue.add("a")
        await begun.wait()
    assert ended.is_set()
