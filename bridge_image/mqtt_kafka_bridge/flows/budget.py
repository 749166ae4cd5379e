"""The limit of bytes in flight, shared by all mappings of a process so that none starves another.

Half of it is guaranteed, in equal shares; the other half goes to whoever needs more. A mapping that
is stuck can fill its share and the common half, and the others still have theirs.
"""

from collections.abc import Callable

MESSAGE_BYTES = 700
"""Measured cost of the objects of one message (packet, payload, batch entry), beside its bytes."""


class Share:
    """What one mapping holds; `hold(True)` asks it to read no more, `hold(False)` to go on."""

    def __init__(self, budget: "Budget", hold: Callable[[bool], None]) -> None:
        self.used = 0
        self.held = False
        self._budget = budget
        self._hold = hold

    def use(self, size: int) -> None:
        """Say how many bytes are held now."""
        before, self.used = self.used, size
        self._budget.changed(self, before)

    def end(self) -> None:
        """Hold nothing any more, and be asked nothing."""
        self.use(0)
        self._budget.leave(self)

    def set_held(self, held: bool) -> None:  # noqa: FBT001 - a setter
        """Hold or go on, once."""
        if held != self.held:
            self.held = held
            self._hold(held)


class Budget:
    """`limit` bytes among `members` mappings."""

    def __init__(self, limit: int, members: int) -> None:
        self._guaranteed = limit // 2 // max(1, members)
        self._common = limit - limit // 2
        self._excess = 0
        self._shares: list[Share] = []

    def share(self, hold: Callable[[bool], None]) -> Share:
        """Return a new mapping's share."""
        share = Share(self, hold)
        self._shares.append(share)
        return share

    def leave(self, share: Share) -> None:
        """Forget a share that holds nothing."""
        self._shares.remove(share)

    def changed(self, share: Share, before: int) -> None:
        """Hold or release mappings after one share changed from `before` bytes."""
        floor = self._guaranteed
        was_full = self._excess >= self._common
        self._excess += max(0, share.used - floor) - max(0, before - floor)
        full = self._excess >= self._common
        if full != was_full:
            for other in self._shares:
                other.set_held(full and other.used >= floor)
        else:
            share.set_held(full and share.used >= floor)
