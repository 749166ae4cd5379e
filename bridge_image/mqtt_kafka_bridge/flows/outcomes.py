"""What became of each message, counted when it is finished, so that the ledger always balances."""

from collections import deque
from typing import Literal

from mqtt_kafka_bridge.observe.meter import Meter

Outcome = Literal["filtered", "expired", "dropped", "dead_lettered"]


class Outcomes:
    """Messages that were not simply forwarded, by number; all others were."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._special: deque[tuple[int, Outcome, str]] = deque()

    def note(self, number: int, outcome: Outcome, reason: str) -> None:
        """Remember what becomes of a message; numbers come nearly in order."""
        special = self._special
        special.append((number, outcome, reason))
        if len(special) > 1 and special[-2][0] > number:
            self._special = deque(sorted(special))

    def finish(self, up_to: int, count: int) -> None:
        """Count `count` finished messages, all below number `up_to`."""
        meter, special = self._meter, self._special
        while special and special[0][0] < up_to:
            _, outcome, reason = special.popleft()
            count -= 1
            match outcome:
                case "filtered":
                    meter.filtered += 1
                case "expired":
                    meter.expired += 1
                case "dropped":
                    meter.dropped[reason] += 1
                case _:
                    meter.dead_lettered += 1
        meter.forwarded += count

    def forget(self, since: int) -> None:
        """Forget messages from this number on: they are going to be handled again."""
        while self._special and self._special[-1][0] >= since:
            self._special.pop()
