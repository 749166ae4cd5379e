"""Simulated cameras: each inspects the parts of a line, and now and then sends rubbish."""

import asyncio
import time
from dataclasses import dataclass, field
from random import Random

import orjson
from aiomqtt import Client

from examples.factory.machines import LINES, Shift

TICK_SECONDS = 0.25
PARTS_PER_ORDER = 20
POISON_EVERY_TICKS = 60
"""One camera in four does it each 15 s, another one each 3.75 s."""
_VERDICTS = ("ok",) * 17 + ("scratch", "scratch", "dent")


@dataclass
class Camera:
    """A camera: what it sent (acknowledged by the broker), and which of it was rubbish."""

    line: str
    random: Random
    poison_tick: int
    sent: int = 0
    resting: bool = False
    poison: list[bytes] = field(default_factory=list)
    _tick: int = 0

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.line}-camera"

    async def run(self, client: Client, root: str, shift: Shift) -> None:
        """Publish until the shift is over.

        Raises:
            MqttError: the connection broke.
        """
        topic = f"{root}/{self.line}/inspection"
        loop = asyncio.get_running_loop()
        due = loop.time() + self.random.uniform(0.0, TICK_SECONDS)
        async with client:
            while not shift.over.is_set():
                await asyncio.sleep(due - loop.time())
                due += TICK_SECONDS
                self._tick += 1
                if self._tick % POISON_EVERY_TICKS == self.poison_tick:
                    payload = self._rubbish()
                    await client.publish(topic, payload, qos=1)
                    self.poison.append(payload)
                else:
                    await client.publish(topic, orjson.dumps(self._inspection()), qos=1)
                    self.sent += 1
            self.resting = True

    def _inspection(self) -> dict[str, object]:
        order = self.sent // PARTS_PER_ORDER + 1
        return {
            "order": f"{self.line[:2].upper()}-{1000 + order}",
            "part": self.sent % PARTS_PER_ORDER + 1,
            "verdict": self.random.choice(_VERDICTS),
            "camera": self.name,
            "seq": self.sent + 1,
            "at": time.time_ns() // 1_000_000,
        }

    def _rubbish(self) -> bytes:
        """Write a message that has no key: cut off on the way, or without an order."""
        number = len(self.poison) + 1
        fields = {"camera": self.name, "rubbish": number, "at": time.time_ns() // 1_000_000}
        whole = orjson.dumps(fields | {"part": number, "verdict": "ok"})
        return whole if number % 2 == LINES.index(self.line) % 2 else whole[:-9]


def cameras(seed: int) -> list[Camera]:
    """Build a camera for each line; the same seed gives the same ones."""
    share = POISON_EVERY_TICKS // len(LINES)
    return [
        Camera(line, Random(f"{seed}/{line}-camera"), poison_tick=8 + index * share)
        for index, line in enumerate(LINES)
    ]
