"""Tasks that end as they were told, and only then."""

import asyncio

import pytest

from mqtt_kafka_bridge.flows import tasks
from mqtt_kafka_bridge.flows.tasks import guarded, unless


async def test_what_is_called_off_has_undone_what_it_had_begun() -> None:
    """Whoever calls off the opening of a consumer waits until that has left its group."""
    called_off, steps = asyncio.Event(), list[str]()

    async def opening() -> str:
        steps.append("begun")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            steps.append("undone")
        return "opened"

    working = asyncio.create_task(unless(called_off, opening()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    called_off.set()
    assert await working is None
    assert steps == ["begun", "undone"]


async def test_what_was_done_before_it_was_called_off_is_returned() -> None:
    """Or what was opened would be nobody's to close."""
    called_off = asyncio.Event()

    async def done() -> str:
        called_off.set()
        return "opened"

    assert await unless(called_off, done()) == "opened"


async def test_a_failure_of_what_may_be_called_off_is_raised() -> None:
    async def failing() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await unless(asyncio.Event(), failing())


async def test_who_is_cancelled_meanwhile_leaves_nothing_running() -> None:
    undone = asyncio.Event()

    async def opening() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            undone.set()

    working = asyncio.create_task(unless(asyncio.Event(), opening()))
    await asyncio.sleep(0.01)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert undone.is_set()


async def test_a_cancellation_that_nobody_asked_for_is_no_end() -> None:
    """A library's own would else stop a mapping in a process that looks alive."""

    async def lost() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    with pytest.raises(RuntimeError, match="cancelled by nobody"):
        await asyncio.create_task(guarded(lost()))

    asked_for = asyncio.create_task(guarded(asyncio.sleep(60)))
    await asyncio.sleep(0)
    asked_for.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked_for


async def test_a_task_that_loses_its_cancellation_is_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it waits for may catch the cancellation instead of it."""
    monkeypatch.setattr(tasks, "CANCEL_SECONDS", 0.01)
    caught: list[int] = []

    async def stubborn() -> None:
        while len(caught) < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                caught.append(1)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await tasks.ended(task)
    assert len(caught) == 2
