"""Everything that the demo shows, on a terminal or in plain lines, in one place."""

import asyncio
import time
from dataclasses import dataclass, field

from examples.factory.cameras import Camera, cameras
from examples.factory.machines import Machine, Shift, machines, mqtt_client
from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import BridgeStatus, MappingStatus
from tools.demo.ledger import Ledger
from tools.demo.places import Places
from tools.demo.watch import Rate, Watch

SEED = 7


@dataclass
class Factory:
    """The machines and cameras, and the going home of them all."""

    watch: Watch
    shift: Shift = field(default_factory=Shift)

    def __post_init__(self) -> None:
        self.machines = machines(SEED)
        self.cameras = cameras(SEED)
        for machine in self.machines:
            machine.obeyed = self.watch.note_obeyed

    @property
    def everyone(self) -> list[Machine | Camera]:
        """All that publish."""
        return [*self.machines, *self.cameras]

    async def run(self, places: Places) -> None:
        """Work until the shift is over; obey until cancelled.

        Raises:
            MqttError: a connection broke.
        """
        async with asyncio.TaskGroup() as tasks:
            for one in self.everyone:
                name = f"{places.root}-{one.name}"
                client = mqtt_client(places.mqtt_host, places.mqtt_port, name)
                tasks.create_task(one.run(client, places.root, self.shift))
            try:
                await self.shift.home.wait()
            finally:
                self.shift.end()

    @property
    def resting(self) -> bool:
        """Tell whether nobody publishes any more."""
        return all(one.resting for one in self.everyone)

    def count(self, ledger: Ledger) -> None:
        """Write down what the broker has acknowledged so far."""
        ledger.telemetry.sent = {machine.name: machine.sent for machine in self.machines}
        ledger.inspections.sent = {camera.name: camera.sent for camera in self.cameras}
        ledger.poison.sent.clear()
        for camera in self.cameras:
            ledger.poison.sent.update(camera.poison)


@dataclass
class Flow:
    """One mapping as it is shown."""

    status: MappingStatus
    source: str
    target: str
    key: str
    received: Rate = field(default_factory=Rate)
    forwarded: Rate = field(default_factory=Rate)


@dataclass
class Scene:
    """What is going on."""

    places: Places
    watch: Watch
    factory: Factory
    config: BridgeConfig
    url: str
    seconds: float | None
    phase: str = "running"
    started: float = field(default_factory=time.monotonic)
    flows: dict[str, Flow] = field(default_factory=dict)

    @property
    def elapsed(self) -> float:
        """Seconds since the factory began to work."""
        return time.monotonic() - self.started

    @property
    def over(self) -> bool:
        """Tell whether the time is over."""
        return self.seconds is not None and self.elapsed >= self.seconds

    @property
    def settled(self) -> bool:
        """Tell whether all that was sent has arrived, and nothing more comes."""
        held = sum(flow.status.counts.in_flight for flow in self.flows.values())
        return self.factory.resting and self.watch.ledger.settled and not held

    def look(self, status: BridgeStatus) -> None:
        """Take in what the bridge says of itself, and what the machines have sent."""
        self.factory.count(self.watch.ledger)
        now = time.monotonic()
        for mapping in status.mappings:
            flow = self.flows.setdefault(mapping.name, Flow(mapping, *self._ends(mapping.name)))
            flow.status = mapping
            flow.received.look(now, mapping.counts.received)
            flow.forwarded.look(now, mapping.counts.forwarded)

    def _ends(self, name: str) -> tuple[str, str, str]:
        """Look up where a mapping takes messages from, where it puts them, and under which key."""
        inward = {m.name: (m.from_.filter, m.to.topic, m.to.key) for m in self.config.mqtt_to_kafka}
        outward = {
            m.name: (", ".join(m.from_.topics), m.to.topic, "") for m in self.config.kafka_to_mqtt
        }
        return (inward | outward)[name]
