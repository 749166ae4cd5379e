"""The ledger: what the source was told is safe (A), what the sink holds (S), and the checks.

L loss: A is within S. O order: first occurrences rise within a key. D duplicates: at most so many.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable

from tests.support.numbered import Numbered
from tests.support.waiting import eventually

_SHOWN = 12


class Ledger:
    """Both sides of one flow. Sources and sinks write it, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._safe: set[Numbered] = set()
        self._missing: dict[Numbered, None] = {}
        self._held: dict[str, list[int]] = defaultdict(list)
        self._seen: Counter[Numbered] = Counter()

    def safe(self, message: Numbered) -> None:
        """Write that the source was told that this message is safe."""
        with self._lock:
            self._safe.add(message)
            if message not in self._seen:
                self._missing[message] = None

    def held(self, message: Numbered) -> None:
        """Write that the sink holds this message, as the next one."""
        with self._lock:
            self._held[message.key].append(message.number)
            self._seen[message] += 1
            self._missing.pop(message, None)

    @property
    def safe_count(self) -> int:
        """How many messages the source was told are safe."""
        return len(self._safe)

    @property
    def held_count(self) -> int:
        """How many different messages the sink holds."""
        return len(self._seen)

    def missing(self) -> list[Numbered]:
        """Return what is safe for the source and not with the sink."""
        with self._lock:
            return list(self._missing)

    @property
    def complete(self) -> bool:
        """Whether something is safe, and all of it is with the sink."""
        return bool(self._safe) and not self._missing

    def duplicates(self) -> int:
        """Return how many times the sink got a message that it held already."""
        with self._lock:
            return self._seen.total() - len(self._seen)

    def disorder(self) -> list[tuple[Numbered, Numbered]]:
        """Return first occurrences that came after one of a higher number, and that one."""
        wrong = []
        with self._lock:
            for key, numbers in self._held.items():
                highest = -1
                seen = set()
                for number in numbers:
                    if number < highest and number not in seen:
                        wrong.append((Numbered(key, number), Numbered(key, highest)))
                    seen.add(number)
                    highest = max(highest, number)
        return wrong

    def await_complete(self, within_seconds: float) -> None:
        """Wait until nothing is missing; something else must be filling the ledger.

        A ledger in which nothing is safe yet is not complete. Let the source settle before.

        Raises:
            AssertionError: the deadline has passed; the text says what is missing.
        """
        eventually(lambda: self.complete, within_seconds, what=lambda: self._loss(self.missing()))

    def check(self, *, duplicates_at_most: int = 0) -> None:
        """Check L, O and D.

        Raises:
            AssertionError: with every check that failed, and examples.
        """
        failures = []
        if missing := self.missing():
            failures.append(f"L: {self._loss(missing)}")
        if wrong := self.disorder():
            pairs = (f"{late.key}: {late.number} first came after {n}" for late, (_, n) in wrong)
            failures.append(f"O: {len(wrong)} out of order: {_some(pairs)}")
        if (count := self.duplicates()) > duplicates_at_most:
            twice = (f"{m.key} {m.number} x {n}" for m, n in self._seen.items() if n > 1)
            failures.append(f"D: {count} duplicates, at most {duplicates_at_most}: {_some(twice)}")
        assert not failures, "\n".join(failures)

    def _loss(self, missing: list[Numbered]) -> str:
        by_key = defaultdict(list)
        for key, number in missing:
            by_key[key].append(number)
        runs = (f"{key}: {_runs(numbers)}" for key, numbers in by_key.items())
        return (
            f"{len(missing)} of {self.safe_count} that the source was told are safe are not with "
            f"the sink, which holds {self.held_count}: {_some(runs)}"
        )


def _runs(numbers: list[int]) -> str:
    """Write sorted numbers as runs, such as `3-7, 9`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return _some(f"{r[0]}-{r[-1]}" if len(r) > 1 else f"{r[0]}" for r in runs)


def _some(texts: Iterable[str]) -> str:
    every = list(texts)
    more = f", and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more
