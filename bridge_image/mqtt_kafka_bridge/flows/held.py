"""Records that the broker refused for now (quota, no right yet), and those behind them. Pure."""

from bisect import insort

PASSING_CODES = (0x97, 0x87)
"""Quota exceeded, not authorized: tried again, while later records of the key wait."""
FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0


class Held:
    """Numbers of records that wait, in order, by key."""

    def __init__(self) -> None:
        self.retry_at = 0.0
        self._keys: dict[bytes | None, list[int]] = {}
        self._remembered: set[bytes | None] = set()
        self._delay = FIRST_DELAY_SECONDS

    def __bool__(self) -> bool:
        return bool(self._keys or self._remembered)

    def __contains__(self, key: bytes | None) -> bool:
        return key in self._keys or key in self._remembered

    def refuse(self, key: bytes | None, number: int, now: float) -> None:
        """Hold a record that the broker refused, and its key with it."""
        if not self:
            self.retry_at = now + self._delay
            self._delay = min(LONGEST_DELAY_SECONDS, 2 * self._delay)
        self.follow(key, number)

    def follow(self, key: bytes | None, number: int) -> None:
        """Hold a record behind an earlier one of its key."""
        insort(self._keys.setdefault(key, []), number)

    def oldest(self, default: int) -> int:
        """Return the smallest number that waits, or `default`."""
        return min((numbers[0] for numbers in self._keys.values()), default=default)

    def take(self) -> list[int]:
        """Return all numbers in order, to be tried again; nothing is held after it."""
        numbers = sorted(number for held in self._keys.values() for number in held)
        self._keys.clear()
        self._remembered.clear()
        return numbers

    def settled(self) -> None:
        """Note that the broker accepted again: the next delay is short."""
        self._delay = FIRST_DELAY_SECONDS

    def start_over(self) -> None:
        """Forget the numbers, which are read again, but not the keys.

        A broker may close the connection with its refusal; without this, the same record would be
        the first on the next one, for ever, and no other key would pass.
        """
        self._remembered |= self._keys.keys()
        self._keys.clear()
