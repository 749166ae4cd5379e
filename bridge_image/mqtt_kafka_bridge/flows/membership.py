"""The process's part in the coordination: opened once, however long it takes, and shared."""

import asyncio

from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows.alone import Alone
from mqtt_kafka_bridge.flows.coordination_port import Coordination, Starts
from mqtt_kafka_bridge.flows.display import saying
from mqtt_kafka_bridge.flows.ports import Kafka
from mqtt_kafka_bridge.flows.tasks import persistently
from mqtt_kafka_bridge.observe.board import Board


class Membership:
    """What the flows of a process know of the coordination.

    Args:
        kafka: where it is opened.
        alone: whether this process is the only one (`coordination: {type: None}`).
        board: where it is shown why there is none yet.
    """

    def __init__(self, kafka: Kafka, board: Board, *, alone: bool) -> None:
        self._kafka = kafka
        self._alone = alone
        self._board = board
        self._coordination: Coordination | None = None
        self._starts: Starts | None = None
        self._opened = asyncio.Event()

    async def open(self) -> Coordination:
        """Open it, again and again until it stands."""
        if self._alone:
            self._coordination = Alone()
        else:
            self._coordination = self._starts = await self._join()
        self._opened.set()
        return self._coordination

    async def _join(self) -> Coordination:
        say = saying("not coordinated")

        def show(error: BridgeError) -> None:
            self._board.wait(error.trouble)
            say(error)

        return await persistently(self._kafka.open_coordination, show)

    async def starts(self) -> Starts | None:
        """Return where the starts of mappings are recorded, waiting until it stands; or nowhere."""
        await self._opened.wait()
        return self._starts

    async def close(self) -> None:
        """Leave."""
        if self._coordination is not None:
            await self._coordination.close()


async def caught_up(coordination: Coordination) -> None:
    """Read what the topic holds at this moment, however long it takes."""
    await persistently(coordination.catch_up, saying("coordination topic not read"))
