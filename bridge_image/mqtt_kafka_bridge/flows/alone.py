"""Coordination for a process that is the only one: everything is ours, and nothing is stored."""

import asyncio
from collections.abc import Mapping
from itertools import count

from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows.coordination_port import Assignment, Bell, Resolve
from mqtt_kafka_bridge.flows.ports import TopicPartition


class Alone:
    """The `Coordination` port of `kafka.coordination: {type: None}`; there is one slot."""

    def __init__(self) -> None:
        self.instance = "alone"
        self.slots = 1
        self.failure: BridgeError | None = None
        self.view = View()
        self.bell = Bell()
        now = asyncio.get_running_loop().time()
        self.assignment: Assignment | None = Assignment(
            0, 0, frozenset({0}), frozenset({self.instance}), now
        )
        self._offsets = count()

    async def prove(self, slot: int) -> None:
        """Do nothing: nobody else could have it."""

    async def catch_up(self) -> None:
        """Do nothing: there is nothing to read."""

    async def write(self, slot: int, key: bytes, value: bytes | None) -> int:  # noqa: ARG002 - one slot
        """Remember it as long as the process lives."""
        offset = next(self._offsets)
        self.view.apply(key, value, offset)
        return offset

    async def start(
        self,
        mapping: str,  # noqa: ARG002 - the port's
        resolve: Resolve,
    ) -> Mapping[TopicPartition, int]:
        """Resolve where a mapping begins; its group's commits are what remembers it."""
        return await resolve()

    async def close(self) -> None:
        """Do nothing."""
