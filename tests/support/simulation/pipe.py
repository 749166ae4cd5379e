"""One direction of a connection in memory."""

from collections import deque
from collections.abc import Callable

from tests.support.simulation.clock import SimulatedLoop


class Pipe:
    """One direction: bytes arrive later, in order; None is the end."""

    def __init__(
        self,
        loop: SimulatedLoop,
        delay: Callable[[], float],
        deliver: Callable[[bytes | None], None],
    ) -> None:
        self.size = 0
        self._loop = loop
        self._delay = delay
        self._deliver = deliver
        self._pieces: deque[bytes | None] = deque()
        self._last = 0.0

    def push(self, piece: bytes | None) -> None:
        """Send a piece on its way."""
        self._last = max(self._last, self._loop.time() + self._delay())
        self._pieces.append(piece)
        self.size += len(piece or b"")
        self._loop.later(self._last - self._loop.now, self._arrive)

    def take(self) -> list[bytes | None]:
        """Take back what is on its way: it never arrives."""
        pieces, self.size = list(self._pieces), 0
        self._pieces.clear()
        return pieces

    def _arrive(self) -> None:
        if self._pieces:
            piece = self._pieces.popleft()
            self.size -= len(piece or b"")
            self._deliver(piece)
