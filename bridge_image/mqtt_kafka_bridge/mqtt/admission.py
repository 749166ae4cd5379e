"""The leave to connect, which must be fresh at the moment when CONNECT is written.

A proof of a lease is worth something for a while only: who has it may be frozen (SIGSTOP, a paused
virtual machine), or dial for long, and meanwhile others get the lease. So it is asked for twice:

- before anything is dialled, or a pod without a lease would knock at the broker again and again;
- once more when the transport is open, if it is no longer fresh by then. From there to the first
  byte of CONNECT nothing is awaited but this.

Age counts from before the question, on the monotonic clock, which goes on while a process is
frozen. What can't be excluded is a freeze between the last look at the clock and the write, some
microseconds later; CONNECT is then as late as the freeze is long.
"""

import asyncio
from collections.abc import Awaitable, Callable

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import PassingError

FRESH_SECONDS = 5.0
"""How old a proof may be: half of the time for which Kafka waits for a silent pod, and the next
owner waits for at least that after it."""

Admit = Callable[[], Awaitable[None]]
"""Prove that we may connect.

Raises BridgeError: unknown, so try again later; LeaseRefusedError: no, and never again."""


class Admission:
    """The leave of one attempt to connect.

    Args:
        admit: asked for it; None: there is nobody to ask.
    """

    def __init__(self, admit: Admit | None) -> None:
        self._admit = admit
        self._asked_at = 0.0

    async def obtain(self) -> None:
        """Ask, before dialling. Raises as `Admit` says."""
        if self._admit is not None:
            self._asked_at = _now()
            await self._admit()

    async def refresh(self) -> None:
        """Ask again unless the leave is fresh, with the transport open; then write CONNECT at once.

        Raises:
            PassingError: it took so long to ask that the answer is stale, too.
            BridgeError: as `Admit` says.
            LeaseRefusedError: as `Admit` says.
        """
        if self._fresh:
            return
        await self.obtain()
        if not self._fresh:
            raise PassingError(
                Reason.KAFKA_UNREACHABLE,
                f"Kafka took more than {FRESH_SECONDS:g} s to confirm that the session is ours",
                "see why Kafka is slow, or the bridge's process stands still",
            )

    @property
    def _fresh(self) -> bool:
        return self._admit is None or _now() - self._asked_at <= FRESH_SECONDS


def _now() -> float:
    return asyncio.get_running_loop().time()
