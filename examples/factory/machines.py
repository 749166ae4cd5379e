"""Simulated machines: each is an MQTT client that publishes telemetry and obeys commands."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import orjson
from aiomqtt import Client, ProtocolVersion

LINES = ("press", "mill", "weld", "paint")
MACHINES_PER_LINE = 6
TICK_SECONDS = 0.1
FAULT_EVERY_TICKS = 32
"""A cooling valve sticks somewhere in the factory each 3.2 s."""
FIRST_FAULT_TICK = 15
_RUNNING, _COOLING = "running", "cooling"


@dataclass
class Body:
    """What the sensors of a machine feel; a pure function of its seed and of what it is told."""

    random: Random
    fault_tick: int
    fault_period: int
    state: str = _RUNNING
    stuck: bool = False
    temperature: float = field(init=False)
    vibration: float = 1.0
    _tick: int = 0

    def __post_init__(self) -> None:
        self._normal = self.random.uniform(54.0, 66.0)
        self._smooth = self.random.uniform(0.8, 1.6)
        self.temperature = self._normal

    def step(self) -> None:
        """Let one tick pass."""
        self._tick += 1
        if self._tick % self.fault_period == self.fault_tick:
            self.stuck = True
        aim, speed = self._normal, 0.05
        if self.state == _COOLING:
            aim, speed = 38.0, 0.025
            if self.temperature < self._normal:
                self.state = _RUNNING
        elif self.stuck:
            aim, speed = 125.0, 0.02
        self.temperature += (aim - self.temperature) * speed + self.random.gauss(0.0, 0.25)
        strain = max(0.0, self.temperature - 70.0) * 0.09
        self.vibration = self._smooth + strain + abs(self.random.gauss(0.0, 0.12))

    def cool_down(self) -> None:
        """Obey: free the valve and run slowly until the machine is as cool as it should be."""
        self.stuck = False
        self.state = _COOLING


@dataclass
class Shift:
    """How a day in the factory ends: first nobody publishes any more, then all go home.

    Being cancelled is not enough: `asyncio.wait_for` of Python 3.11, on which the MQTT client
    stands, swallows a cancellation that comes in the very moment of an acknowledgement.
    """

    over: asyncio.Event = field(default_factory=asyncio.Event)
    home: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """Send everybody home at once."""
        self.over.set()
        self.home.set()


@dataclass
class Machine:
    """A machine: its body, what it sent (acknowledged by the broker), whom it tells."""

    line: str
    name: str
    body: Body
    sent: int = 0
    resting: bool = False
    obeyed: Callable[[str, int], None] = lambda _name, _number: None
    """Called with the machine's name and the number of a command that came."""

    async def run(self, client: Client, root: str, shift: Shift) -> None:
        """Publish until the shift is over; obey until it is time to go home.

        Raises:
            MqttError: the connection broke.
        """
        own = f"{root}/{self.line}/{self.name}"
        async with client, asyncio.TaskGroup() as tasks:
            await client.subscribe(f"{own}/command", qos=1)
            obeying = tasks.create_task(self._obey(client))
            await self._work(client, f"{own}/telemetry", shift)
            await shift.home.wait()
            obeying.cancel()

    async def _work(self, client: Client, topic: str, shift: Shift) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self.body.random.uniform(0.0, TICK_SECONDS)
        while not shift.over.is_set():
            await asyncio.sleep(due - loop.time())
            due += TICK_SECONDS
            self.body.step()
            await client.publish(topic, orjson.dumps(self._telemetry()), qos=1)
            self.sent += 1
        self.resting = True

    def _telemetry(self) -> dict[str, object]:
        return {
            "temperature": round(self.body.temperature, 1),
            "vibration": round(self.body.vibration, 2),
            "state": self.body.state,
            "machine": self.name,
            "seq": self.sent + 1,
            "at": time.time_ns() // 1_000_000,
        }

    async def _obey(self, client: Client) -> None:
        async for message in client.messages:
            command = orjson.loads(bytes(message.payload))
            if command["command"] == "cool-down":
                self.body.cool_down()
            self.obeyed(self.name, command["seq"])


def machines(seed: int) -> list[Machine]:
    """Build the machines of the factory; the same seed gives the same ones."""
    names = [(line, f"{line}-{n}") for line in LINES for n in range(1, MACHINES_PER_LINE + 1)]
    turns = list(range(len(names)))
    Random(seed).shuffle(turns)
    period = FAULT_EVERY_TICKS * len(names)
    return [
        Machine(line, name, Body(Random(f"{seed}/{name}"), FIRST_FAULT_TICK + turn, period))
        for (line, name), turn in zip(names, (t * FAULT_EVERY_TICKS for t in turns), strict=True)
    ]


def mqtt_client(host: str, port: int, client_id: str) -> Client:
    """Make an MQTT 5 client that is not connected yet."""
    return Client(host, port, identifier=client_id, protocol=ProtocolVersion.V5, timeout=20.0)
