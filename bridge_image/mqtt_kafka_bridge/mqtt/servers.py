"""Which server to try next, and after how long: fail-over and jittered back-off. Pure."""

from collections.abc import Callable, Sequence
from random import uniform
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError
from mqtt_kafka_bridge.mqtt.reasons import SilentEndError

_PORTS = {"mqtt": 1883, "mqtts": 8883}
FIRST_DELAY_SECONDS = 0.25
"""Longest delay before the next server of a pass, and after the first pass."""
PASSING_DELAY_SECONDS = 5.0
"""Longest delay while the trouble passes by itself: a broker that is back is used soon."""
MUST_FIX_DELAY_SECONDS = 30.0
"""Longest delay while somebody must fix something: no account gets locked by our knocking."""
CONTESTED_DELAY_SECONDS = 60.0
"""Delay after what looks like one take-over of many: even if the other comes again at once, that
makes two a minute."""


class Server(NamedTuple):
    """One address of the broker."""

    host: str
    port: int
    secure: bool

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read mqtt://host:port or mqtts://host:port, which the contract has checked."""
        parts = urlsplit(url)
        return cls(
            parts.hostname or "", parts.port or _PORTS[parts.scheme], parts.scheme == "mqtts"
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Servers:
    """The server list of one session: in order, then again; each pass waits longer, with jitter."""

    def __init__(
        self, urls: Sequence[str], jitter: Callable[[float, float], float] = uniform
    ) -> None:
        self._servers = [Server.parse(url) for url in urls]
        self._jitter = jitter
        self._next = 0
        self._failures = 0

    def next(self) -> Server:
        """Return the server to try now."""
        return self._servers[self._next]

    def succeeded(self) -> None:
        """Note that the connection served for a good while: the back-off starts anew."""
        self._failures = 0

    def failed(self, error: BridgeError) -> float:
        """Note a failure, or a loss; return how many seconds to wait before `next`."""
        if isinstance(error, SilentEndError) or error.reason is Reason.MQTT_TAKEN_OVER:
            return 0.0  # A look at the same server; `rivals` sees to it that there are few of them.
        self._next = (self._next + 1) % len(self._servers)
        if error.reason is Reason.IDENTITY_CONFLICT:
            return self._jitter(CONTESTED_DELAY_SECONDS, 1.5 * CONTESTED_DELAY_SECONDS)
        self._failures += 1
        passes, within_pass = divmod(self._failures, len(self._servers))
        delay = FIRST_DELAY_SECONDS
        if not within_pass:
            must_fix = isinstance(error, MustFixError)
            longest = MUST_FIX_DELAY_SECONDS if must_fix else PASSING_DELAY_SECONDS
            delay = min(longest, FIRST_DELAY_SECONDS * 2.0 ** min(passes - 1, 10))
        return self._jitter(delay / 2, delay)
