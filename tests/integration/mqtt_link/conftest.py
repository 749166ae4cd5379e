"""Links run on both event loops, and leave nothing behind on either."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop

from tests.support.broker_script import ScriptedBroker
from tests.support.waiting import eventually_async


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each test twice: with uvloop, as the program does, and with asyncio's own."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """No task, no transport, and no error that only the loop has seen."""
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    yield
    await eventually_async(lambda: len(asyncio.all_tasks()) == 1, 5, what=lambda: str(left()))
    gc.collect()  # what was not closed is warned of, and warnings are errors
    assert troubles == []


def left() -> set[asyncio.Task[object]]:
    """Return the tasks of others."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


@pytest.fixture
async def broker(nothing_is_left: None) -> AsyncIterator[ScriptedBroker]:
    """A broker that says yes to everything."""
    del nothing_is_left  # it only has to outlive the broker
    async with ScriptedBroker() as one:
        yield one
