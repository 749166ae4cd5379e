"""What sends: devices to the MQTT broker, and writers of records to Kafka; all is numbered."""

import asyncio
import zlib

from mqtt_kafka_bridge.flows.ports import Header, TopicPartition
from tests.support.numbered import Numbered
from tests.support.simulation.editions import ORDERS
from tests.support.simulation.fates import Fate
from tests.support.simulation.kafka_log import Log
from tests.support.simulation.sessions import Message
from tests.support.simulation.world import MISSING_ROOM, World

_ROOM = 400
"""Bytes of a packet beside its payload, at most."""
_WIDE = 0.2
"""How many messages only the wider filter asks for."""
_OVERSIZES = (4_700, 6_000)
_OWN_PATHS = {"lines": "local/sim/lines", "rooms": "local/sim/rooms"}


class Devices:
    """Sends messages to the MQTT broker."""

    def __init__(self, world: World) -> None:
        self.sent: list[Message] = []
        self._world = world
        self._numbers: dict[str, int] = {}

    async def run(self) -> None:
        """Send all of them, over the time of the plan."""
        plan, rng = self._world.plan, self._world.rng
        pause = plan.seconds / plan.messages
        left = plan.messages
        while left > 0:
            burst = rng.choice((1, 1, 1, 20))
            for _ in range(min(burst, left)):
                self._send()
            left -= burst
            await asyncio.sleep(rng.uniform(0, 2 * pause * burst))

    def _send(self) -> None:
        world, plan, rng = self._world, self._world.plan, self._world.rng
        mapping = "rooms" if plan.templated and rng.random() < 0.5 else "lines"
        device = f"d{rng.randrange(plan.keys)}"
        fate, qos, properties = Fate.FORWARDED, 1, []
        room = rng.choice(("r0", "r1", "r1", "r9"))
        if mapping == "rooms":
            device = f"{room}{device}"
            fate = Fate.FORWARDED_OR_DEAD if f"rooms.{room}" == MISSING_ROOM else fate
        if rng.random() < 0.05:
            device, qos = f"{device}q", 0
        level = "u" if plan.edits and rng.random() < _WIDE else "t"
        # Numbers are by topic: a wider filter may let one topic's messages overtake another's.
        key = f"{mapping[0]}{device}{level.strip('t')}"
        payload = self._next(key, rng.randint(0, plan.padding_bytes))
        if rng.random() < 0.1:
            properties = [("note", "x")]
        if rng.random() < plan.poison:
            payload, fate, properties = self._poison(mapping, payload, fate)
        topic = f"plant/{device}/{level}" if mapping == "lines" else f"room/{room}/{device}"
        retain = rng.random() < 0.03 and bool(payload)
        message = Message(topic, payload, world.fate(fate), qos, retain, properties)
        message.promised = world.promises.made(topic)
        self.sent.append(message)
        world.broker.publish(message)

    def _next(self, key: str, size: int) -> bytes:
        number = self._numbers.get(key, 0)
        self._numbers[key] = number + 1
        return Numbered(key, number).payload(size)

    def _poison(
        self, mapping: str, payload: bytes, fate: Fate
    ) -> tuple[bytes, Fate, list[tuple[str, str]]]:
        """Return something that can't be forwarded, or is not meant to be."""
        plan, rng = self._world.plan, self._world.rng
        match rng.randrange(4):
            case 0 if plan.by_payload:
                return b"poison " + payload, Fate.DEAD, []
            case 1 if plan.told_max_bytes < min(_OVERSIZES) or plan.max_bytes < min(_OVERSIZES):
                size = rng.choice(_OVERSIZES)
                too_large = size > plan.max_bytes
                payload = payload.replace(b"}", b',"x":"' + b"y" * size + b'"}')
                return payload, Fate.DEAD if too_large else fate, []
            case 2 if mapping == "lines":
                return b"", Fate.FILTERED, []
            case _:
                return payload, Fate.FILTERED, [("bridge.path", _OWN_PATHS[mapping])]


class Writers:
    """Writes records to Kafka."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers: dict[str, int] = {}
        self._partitions = world.plan.partitions

    async def run(self) -> None:
        """Write all of them, over the time of the plan."""
        plan, rng = self._world.plan, self._world.rng
        pause = plan.seconds / plan.messages
        left = plan.messages if plan.outbound else 0
        while left > 0:
            burst = rng.choice((1, 1, 1, 50))
            for _ in range(min(burst, left)):
                self._write()
            left -= burst
            await asyncio.sleep(rng.uniform(0, 2 * pause * burst))
            if rng.random() < plan.gaps:
                self._spoil(rng.choice(self._world.kafka.topics[ORDERS].logs))

    def _spoil(self, log: Log) -> None:
        """Leave a gap at the end, as an aborted transaction does, and compact a record away."""
        log.gap(self._world.rng.randint(1, 3))
        newest = {record.key: record for record in log.records}
        old = [r for r in log.records if r is not newest[r.key] and r.value is not None]
        if old:
            gone = self._world.rng.choice(old)
            log.records.remove(gone)
            self._world.compacted(gone)

    def _write(self) -> None:
        name = f"k{self._world.rng.randrange(self._world.plan.keys)}"
        self._write_to(name, zlib.crc32(name.encode()) % self._partitions)

    def write_to_the_newest(self) -> None:
        """Write some records to the newest partition, with keys of its own."""
        newest = len(self._world.kafka.topics[ORDERS].logs) - 1
        if self._world.plan.outbound:
            for _ in range(3):
                self._write_to(f"newest{newest}", newest)

    def _write_to(self, name: str, partition: int) -> None:
        world, plan, rng = self._world, self._world.plan, self._world.rng
        number = self._numbers.get(name, 0)
        self._numbers[name] = number + 1
        key: bytes | None = name.encode()
        value: bytes | None = Numbered(name, number).payload(rng.randint(0, plan.padding_bytes))
        headers: list[Header] = [("note", b"x")] if rng.random() < 0.1 else []
        fate = Fate.FORWARDED
        if rng.random() < plan.poison:
            match rng.randrange(3):
                case 0:
                    key, fate = None, Fate.DEAD
                case 1:
                    value, fate = None, Fate.FILTERED
                case _:
                    headers, fate = [("bridge.path", b"local/sim/orders")], Fate.FILTERED
        place = TopicPartition(ORDERS, partition)
        log = world.kafka.topics[ORDERS].logs[place.partition]
        if rng.random() < plan.gaps:
            log.gap(rng.randint(1, 3))
        limit = plan.broker.maximum_packet_size
        if fate is Fate.FORWARDED and limit is not None and len(value or b"") > limit - _ROOM:
            fate = Fate.FORWARDED_OR_DEAD
        world.order_fates.setdefault(place, {})[log.end] = world.fate(fate)
        world.kafka.store(place, [(key, value, headers)])
