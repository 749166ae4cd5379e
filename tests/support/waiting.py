"""Wait for conditions, each with a deadline; nothing in the tests sleeps for a fixed time."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    condition: Callable[[], T],
    within_seconds: float,
    *,
    what: str | Callable[[], str] = "",
    every_seconds: float = 0.02,
    ignoring: tuple[type[Exception], ...] = (),
) -> T:
    """Return the first true value of a condition.

    Args:
        condition: asked again and again.
        within_seconds: the deadline.
        what: what is awaited, for the failure's text; a function may say how far it came.
        every_seconds: pause between two questions.
        ignoring: errors that only mean "not yet".

    Raises:
        AssertionError: the deadline has passed.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        last: object
        try:
            last = value = condition()
        except ignoring as error:
            last = error
        else:
            if value:
                return value
        if time.monotonic() > deadline:
            raise AssertionError(_failure(what, condition, within_seconds, last))
        time.sleep(every_seconds)


def throughout(
    condition: Callable[[], object],
    seconds: float,
    *,
    what: str | Callable[[], str] = "",
    every_seconds: float = 0.25,
) -> None:
    """Check that a condition stays true for so long.

    Raises:
        AssertionError: it was false once.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not (value := condition()):
            raise AssertionError(f"not throughout {seconds:g} s: " + _text(what, value))
        time.sleep(every_seconds)


def _text(what: str | Callable[[], str], last: object) -> str:
    return f"{what if isinstance(what, str) else what()}; last seen: {last!r}"


async def eventually_async(
    condition: Callable[[], T],
    within_seconds: float,
    *,
    what: str | Callable[[], str] = "",
    every_seconds: float = 0.005,
) -> T:
    """Return the first true value of a condition, while the event loop goes on.

    Raises:
        AssertionError: the deadline has passed.
    """
    deadline = time.monotonic() + within_seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(_failure(what, condition, within_seconds, value))
        await asyncio.sleep(every_seconds)


def _failure(
    what: str | Callable[[], str], condition: Callable[[], object], seconds: float, last: object
) -> str:
    return f"not within {seconds:g} s: {_text(what or repr(condition), last)}"
