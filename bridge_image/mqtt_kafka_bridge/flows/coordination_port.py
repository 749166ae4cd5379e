"""The port to whoever says which sessions run on this pod: Kafka's group coordinator, or nobody.

A session belongs to a *slot* (a partition of the coordination topic). Whoever is assigned the slot
runs its sessions. The group is a lock and not a view: that a slot was once assigned to us proves
nothing, so `prove` comes before every CONNECT.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows.ports import TopicPartition

SESSION_TIMEOUT_SECONDS = 10.0
"""How long Kafka waits for a pod that is silent before it gives its slots to others."""


class Assignment(NamedTuple):
    """What the group assigned to this pod.

    Args:
        epoch: rises when the group threw this pod out and let it in again: what it ran before may
            be another's by now, and nothing of it may be handed over as if it were ours.
        generation: the group's; rises with each assignment.
        slots: ours.
        present: the instances of all members: whoever is not among them holds nothing any more.
        at: when it came, on the loop's clock, in seconds.
    """

    epoch: int
    generation: int
    slots: frozenset[int]
    present: frozenset[str]
    at: float


class Bell:
    """Wakes all who wait, each time that it is rung.

    Look first and wait then, without an await between the two: so no ring is missed.
    """

    def __init__(self) -> None:
        self._rung: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake everybody who waits now."""
        if self._rung is not None:
            self._rung.set_result(None)
            self._rung = None

    async def wait(self, timeout_seconds: float | None = None) -> None:
        """Wait for the next ring, or for the time-out."""
        if self._rung is None:
            self._rung = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._rung}, timeout=timeout_seconds)


Resolve = Callable[[], Awaitable[Mapping[TopicPartition, int]]]
"""Asks Kafka where `startFrom` stands in all partitions of a mapping's topics now."""


class Starts(Protocol):
    """Where mappings from Kafka began: resolved once, by one pod, and written down for all."""

    async def start(self, mapping: str, resolve: Resolve) -> Mapping[TopicPartition, int]:
        """Return where a mapping began; resolve and record it if nobody has, and it is ours to do.

        It waits for the pod whose slot it is.

        Raises:
            BridgeError: Kafka did not answer, or forbids it.
        """
        ...


class Coordination(Starts, Protocol):
    """This pod's part in the coordination."""

    @property
    def instance(self) -> str:
        """The name of this life of this process; another life of the same pod has another."""
        ...

    @property
    def slots(self) -> int:
        """How many slots there are."""
        ...

    @property
    def view(self) -> View:
        """What the coordination topic says, as far as it was read."""
        ...

    @property
    def assignment(self) -> Assignment | None:
        """The present assignment; None before the first, and while thrown out."""
        ...

    @property
    def failure(self) -> BridgeError | None:
        """What keeps this pod from taking part just now; it is tried again."""
        ...

    @property
    def bell(self) -> Bell:
        """Rings at each new assignment, and when records were read."""
        ...

    async def prove(self, slot: int) -> None:
        """Prove by a generation-fenced commit that a slot is ours now.

        While the group is assigning anew it waits for the outcome.

        Raises:
            LeaseRefusedError: it is not; the slot must be dropped. The pod joins again by itself.
            BridgeError: Kafka did not answer, or forbids it: unknown, so do not connect.
        """
        ...

    async def catch_up(self) -> None:
        """Read all that the topic holds at this moment into `view`.

        Raises:
            BridgeError: Kafka did not answer, or forbids it.
        """
        ...

    async def write(self, slot: int, key: bytes, value: bytes | None) -> int:
        """Store a record on all in-sync replicas; return its offset. None is a tombstone.

        Raises:
            BridgeError: it is not known whether it was stored.
        """
        ...

    async def close(self) -> None:
        """Leave the group and disconnect, within some seconds whatever Kafka is doing."""
        ...
