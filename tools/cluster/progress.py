"""Say how far a long step has come: one line that changes on a terminal, few lines elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

_TERMINAL_SECONDS = 0.5
_ELSEWHERE_SECONDS = 60


class Progress:
    """Count what is done and print it now and then; use it as a context manager.

    Args:
        what: what is counted.
        total: how many there are at most; those that are done already don't come.
    """

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._terminal = sys.stdout.isatty()
        self._every = _TERMINAL_SECONDS if self._terminal else _ELSEWHERE_SECONDS
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal:
            print("\r\033[K", end="", flush=True)

    def step(self) -> None:
        """Count one more."""
        self._done += 1
        if (now := time.monotonic()) - self._said < self._every:
            return
        self._said = now
        minutes, seconds = divmod(int(now - self._began), 60)
        text = f"  {self._done} of {self._total} {self._what}, {minutes}:{seconds:02}"
        print(f"\r\033[K{text}" if self._terminal else text, end="" if self._terminal else "\n")
        sys.stdout.flush()
