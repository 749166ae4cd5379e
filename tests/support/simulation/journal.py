"""What happened in one simulated run, and what of it was wrong."""

from collections.abc import Callable

_MOST_WRONG = 20


class Journal:
    """Every event with its time, so that two runs can be compared; and every broken promise."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.lines: list[str] = []
        self.wrongs: list[str] = []
        self._now = now

    def note(self, text: str) -> None:
        """Write down an event."""
        self.lines.append(f"{self._now():.6f} {text}")

    def wrong(self, check: str, text: str) -> None:
        """Write down a broken promise; `check` is its letter (L, O, D, W, M, G5, ...)."""
        self.note(f"WRONG {check}: {text}")
        if len(self.wrongs) < _MOST_WRONG:
            self.wrongs.append(f"{check}: {text} (at {self._now():.3f} s)")
