"""Single records into the coordination topic, each known to be stored before it counts."""

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any, Final

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, PassingError
from mqtt_kafka_bridge.flows.ports import RecordProducer
from mqtt_kafka_bridge.kafka.causes import explain
from mqtt_kafka_bridge.kafka.producer import open_producer

WRITE_SECONDS: Final = 10.0
_BATCH_BYTES: Final = 16_384
"""A record that is larger fits all the same."""


class SessionWriter:
    """Writes to one topic, by an idempotent producer that is replaced when it fails."""

    def __init__(self, config: BridgeConfig, pod: str, topic: str) -> None:
        self._config = config
        self._pod = pod
        self._topic = topic
        self._producer: RecordProducer | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> RecordProducer:
        """Return a producer that knows the topic.

        Raises:
            BridgeError: as `open_producer`; TopicMissing or TopicForbidden.
        """
        async with self._opening, AsyncExitStack() as undo:
            if self._producer is None:
                producer = await open_producer(self._config, "_sessions", self._pod)
                undo.push_async_callback(producer.abandon)
                await producer.topic(self._topic)
                undo.pop_all()
                self._producer = producer
            return self._producer

    async def write(self, slot: int, key: bytes, value: bytes | None) -> int:
        """Store a record on all in-sync replicas; return its offset. None is a tombstone.

        Raises:
            BridgeError: it is not known whether it was stored.
        """
        producer = None
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                producer = await self.open()
                offset = await self._store(producer, slot, key, value)
        except BridgeError:
            await self._replace(producer)
            raise
        except TimeoutError as error:
            await self._replace(producer)
            raise explain(error, topic=self._topic) from error
        if offset < 0:  # Kafka has it, and no longer knows where: sent again after a long silence.
            raise PassingError(
                Reason.KAFKA_WRITE_FAILED,
                f"Kafka does not say where in {self._topic} it stored a record",
                "nothing, unless it comes again and again",
            )
        return offset

    async def _store(
        self, producer: RecordProducer, slot: int, key: bytes, value: bytes | None
    ) -> int:
        batch = producer.new_batch(_BATCH_BYTES)
        batch.append(timestamp=time.time_ns() // 1_000_000, key=key, value=value, headers=[])
        stored: Any = await (await producer.send(batch, self._topic, slot))
        return int(stored.offset)

    async def _replace(self, producer: RecordProducer | None) -> None:
        """Give up a producer that has failed; others may have found that out before."""
        if producer is not None and producer is self._producer:
            self._producer = None
            await producer.abandon()

    async def close(self) -> None:
        """Disconnect at once; nobody writes any more."""
        await self._replace(self._producer)
