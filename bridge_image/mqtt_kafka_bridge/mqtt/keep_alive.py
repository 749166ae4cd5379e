"""The keep-alive of one connection: when to ping, and when to give the broker up."""

import asyncio
from collections.abc import Callable

_PING_AFTER = 2
"""Quarters without sending, or without hearing, after which a ping goes out."""
_GIVE_UP_AFTER = 6
"""Quarters of silence: as long as a broker waits for us [MQTT-3.1.2-22]."""


class KeepAlive:
    """Counts quarters of the keep-alive; its link sets `idle` and `silent` to 0, and `held`.

    They are counted, not measured: when the whole process stood still for a while, what the socket
    holds is read before the silence is believed. While reading is held back an answer can't be
    seen, so its absence proves nothing.

    Args:
        ping: sends PINGREQ.
        give_up: ends the connection; told how many seconds passed in silence.
    """

    def __init__(self, ping: Callable[[], None], give_up: Callable[[float], None]) -> None:
        self.idle = 0
        """Quarters since something was sent."""
        self.silent = 0
        """Quarters since something was heard."""
        self.held = False
        """Whether reading is held back."""
        self._ping = ping
        self._give_up = give_up
        self._quarter = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        """Begin with this keep-alive; 0: there is none."""
        if seconds:
            self._quarter = seconds / 4
            self._wait()

    def stop(self) -> None:
        """Ping no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._quarter, self._tick)

    def _tick(self) -> None:
        self.idle += 1
        self.silent = 0 if self.held else self.silent + 1
        if self.silent >= _GIVE_UP_AFTER:
            self._give_up(self.silent * self._quarter)
            return
        if self.idle >= _PING_AFTER or self.silent == _PING_AFTER:
            self._ping()
        self._wait()
