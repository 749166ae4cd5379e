"""A source in Kafka: numbered records of many keys, what Kafka stored in the ledger."""

import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from tests.support.ledger import Ledger
from tests.support.numbered import Numbered, Numbers, numbered

Headers = list[tuple[str, str | bytes | None]]
_BUFFER_FULL_SECONDS = 0.1


class KafkaSource:
    """An idempotent producer: each record is stored once and in order, over broker faults too.

    Args:
        bootstrap: the cluster.
        topic: where to.
        ledger: where stored records are written.
        keys: names, or how many.
        payload_bytes: least size of a value.
        settings: further settings of librdkafka.
    """

    def __init__(
        self,
        bootstrap: Sequence[str],
        topic: str,
        ledger: Ledger,
        *,
        keys: int | list[str] = 8,
        payload_bytes: int = 0,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": ",".join(bootstrap),
                "enable.idempotence": True,
                "linger.ms": 5,
                "partitioner": "murmur2_random",  # as Java's
                "log_level": 0,
                **(settings or {}),
            }
        )
        self._topic, self._ledger = topic, ledger
        self._numbers = Numbers(keys)
        self._payload_bytes = payload_bytes
        self.stored: dict[tuple[int, int], Numbered] = {}
        """(partition, offset) of every record."""

    def produce(
        self,
        count: int,
        *,
        per_second: float | None = None,
        headers: Headers | None = None,
    ) -> None:
        """Write so many records; return when all are handed over. Not all are stored then."""
        began = time.monotonic()
        for n in range(count):
            if per_second is not None:
                self._producer.poll(max(0.0, began + n / per_second - time.monotonic()))
            message = self._numbers.next()
            self._hand_over(message, headers or [])
            self._producer.poll(0)

    def _hand_over(self, message: Numbered, headers: Headers) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    key=message.key.encode(),
                    value=message.payload(self._payload_bytes),
                    headers=headers,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(_BUFFER_FULL_SECONDS)
            else:
                return

    def settled(self, within_seconds: float = 30) -> None:
        """Wait until all records are stored."""
        left = self._producer.flush(within_seconds)
        assert left == 0, f"{left} records are not stored after {within_seconds:g} s"

    def _delivered(self, error: KafkaError | None, record: Message) -> None:
        message = numbered(record.value())
        if error is None and message is not None:
            self.stored[(record.partition() or 0, record.offset() or 0)] = message
            self._ledger.safe(message)
