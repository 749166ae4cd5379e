"""A bounded cache whose hits cost one look-up in a plain dict."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class TwoGenerations(Generic[K, V]):
    """Remember the latest used of many keys, roughly, in two dicts.

    New and used again goes into `young`; when that is full it becomes `old`, and what was in
    `old` is forgotten. `young` stays the same object for ever, so a caller may keep
    `cache.young.get` at hand and call `find` only when it returns None.

    Args:
        capacity: most entries, both generations together.
    """

    __slots__ = ("_half", "old", "young")

    def __init__(self, capacity: int) -> None:
        self._half = max(1, capacity // 2)
        self.young: dict[K, V] = {}
        self.old: dict[K, V] = {}

    def find(self, key: K) -> V | None:
        """Look in both generations; a key found in the old one is young again."""
        value = self.young.get(key)
        if value is None:
            value = self.old.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember a value, which must not be None."""
        young = self.young
        if len(young) >= self._half and key not in young:
            self.old = young.copy()
            young.clear()
        young[key] = value

    def clear(self) -> None:
        """Forget everything."""
        self.young.clear()
        self.old.clear()

    def __len__(self) -> int:
        return len(self.young) + len(self.old)
