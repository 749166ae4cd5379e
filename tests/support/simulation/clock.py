"""Virtual time: an event loop that never waits but moves its clock to the next timer.

It runs many processes at once: what a task does belongs to its owner (see `life`), by its context.
Of an owner that is frozen nothing runs while the world goes on.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any

OWNER: ContextVar[object] = ContextVar("owner")
"""Whose code is running; unset: the world's own."""
MOST_TURNS = 20_000
"""Turns of the loop without a tick of the clock, after which something is taken to spin."""
_RESOLUTION_SECONDS = 1e-6
_TURN_SECONDS = 1e-9
"""Even a virtual clock must not stand still, or what waits for less than it can show spins."""


class DeadlockError(Exception):
    """Nothing is ready and no timer is set: nothing would ever happen again."""


class SpinningError(Exception):
    """Work goes on and on, and the clock stands."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """A loop without input or output; `now` is its clock, in seconds."""

    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.world: Context = copy_context()
        """The context of what belongs to nobody."""
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_made = 0
        self._frozen: dict[object, list[asyncio.Handle]] = {}
        self._turns = 0

    def time(self) -> float:
        """Return the simulated time, in seconds."""
        return self.now

    def later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:  # noqa: ANN401 - as asyncio has it
        """Call back as the world, whoever asks for it: a frozen process does not hold it up."""
        self.call_at(self.now + delay, callback, *args, context=self.world)

    def freeze(self, owner: object) -> None:
        """Run nothing of an owner's until `thaw`."""
        self._frozen.setdefault(owner, [])

    def thaw(self, owner: object) -> None:
        """Go on where the owner stood; all its timers that have passed are due now."""
        self._ready.extend(self._frozen.pop(owner, ()))

    def thaw_all(self) -> None:
        """Let everybody go on, the dead as well: to be cancelled."""
        for owner in list(self._frozen):
            self.thaw(owner)

    # What asyncio calls; without its checks, for there are many calls

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Call back in the next turn."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at a time."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, timer))
        return timer

    def _timer_handle_cancelled(self, _handle: asyncio.TimerHandle) -> None:
        """Do nothing: it is found cancelled when it is due."""

    def _run_once(self) -> None:
        """Run what is ready; if nothing is, move the clock to the next timer."""
        self._tick()
        ready, frozen = self._ready, self._frozen
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            owner = handle._context.get(OWNER) if frozen else None  # type: ignore[attr-defined] # noqa: SLF001
            if owner in frozen:
                frozen[owner].append(handle)
            else:
                handle._run()  # noqa: SLF001 - as the base class does

    def _tick(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        self._turns += 1
        self.now += _TURN_SECONDS
        if not self._ready and not self._stopping:
            if not timers:
                raise DeadlockError(f"at {self.now:.3f} s")
            if timers[0][0] > self.now:
                self.now, self._turns = timers[0][0], 0
        if self._turns > MOST_TURNS:
            raise SpinningError(f"{MOST_TURNS} turns at {self.now:.3f} s")
        end = self.now + _RESOLUTION_SECONDS
        while timers and timers[0][0] < end:
            self._ready.append(heapq.heappop(timers)[2])

    def _write_to_self(self) -> None:
        """Do nothing: there is no other thread."""
