"""Waiting for what a broker was asked: CONNACK, SUBACK, UNSUBACK."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.events import Connected, Subscribed, Unsubscribed

Answer = Connected | Subscribed | Unsubscribed
A = TypeVar("A", Connected, Subscribed, Unsubscribed)


class Answers:
    """The answers that came over one link, by kind, until somebody takes them.

    Args:
        ended: why the link ended by itself.
        server: the broker's name in messages to people.
        behind: whether an answer may stand behind what we do not read or acknowledge now.
    """

    def __init__(
        self, ended: "asyncio.Future[BridgeError]", server: str, behind: Callable[[], bool]
    ) -> None:
        self.excused = False
        """Set when something else came, or reading went on: the answer may have stood behind it."""
        self._ended = ended
        self._server = server
        self._behind = behind
        self._came: defaultdict[type[Answer], asyncio.Queue[Answer | None]]
        self._came = defaultdict(asyncio.Queue)

    def give(self, answer: Answer) -> None:
        """Hand over what came."""
        self._came[type(answer)].put_nowait(answer)

    def wake(self) -> None:
        """Let those who wait see that the link has ended."""
        for queue in self._came.values():
            queue.put_nowait(None)

    async def take(self, kind: type[A], within_seconds: float, packet: str) -> A:
        """Wait for an answer, `packet` by its MQTT name.

        Raises:
            BridgeError: the link has ended, or no answer in time.
        """
        came = self._came[kind]
        while not self._ended.done():
            self.excused = False
            try:
                async with asyncio.timeout(within_seconds):
                    answer = await came.get()
            except TimeoutError:
                if self.excused or self._behind():
                    continue
                raise reasons.no_answer(packet, within_seconds, self._server) from None
            if isinstance(answer, kind) and not self._ended.done():
                return answer
        raise self._ended.result()
