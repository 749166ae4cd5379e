"""A sink in Kafka: what a topic holds, read from its beginning to its end, into the ledger."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from tests.support.ledger import Ledger
from tests.support.numbered import numbered

_SECONDS = 10
_POLL_SECONDS = 0.05
_BATCH = 1000
_PASSING = {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}  # noqa: SLF001


@dataclass(frozen=True)
class Record:
    """A record as stored."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]

    def header(self, name: str) -> bytes | None:
        """Return the first header of this name."""
        return next((value for each, value in self.headers if each == name), None)


class KafkaSink:
    """Read all partitions of a topic, only what is committed; each `read` goes on from the last.

    Args:
        bootstrap: the cluster.
        topic: what to read; it must exist.
        ledger: where numbered messages are written.
        settings: further settings of librdkafka.
    """

    def __init__(
        self,
        bootstrap: Sequence[str],
        topic: str,
        ledger: Ledger | None = None,
        *,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self._topic, self._ledger = topic, ledger
        self._consumer = Consumer(
            {
                "bootstrap.servers": ",".join(bootstrap),
                "group.id": "unused: partitions are assigned by hand",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,  # other requests wait behind a fetch
                "log_level": 0,
                **(settings or {}),
            }
        )
        self._positions: dict[int, int] = {}
        self.records: list[Record] = []
        """Every record, in order within its partition."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def read(self) -> list[Record]:
        """Read to the present end and return all records so far."""
        self._discover()
        ends = {
            partition: self._consumer.get_watermark_offsets(
                TopicPartition(self._topic, partition), timeout=_SECONDS
            )[1]
            for partition in self._positions
        }
        while any(self._positions[partition] < end for partition, end in ends.items()):
            self._take()
        return self.records

    def read_until_complete(self, within_seconds: float) -> list[Record]:
        """Read until the ledger misses nothing, and on to the end.

        Raises:
            AssertionError: the deadline has passed.
        """
        assert self._ledger is not None, "give it a ledger"
        ledger = self._ledger
        self._read_until(lambda: ledger.complete, within_seconds)
        ledger.await_complete(0)
        return self.read()

    def await_records(self, count: int, within_seconds: float) -> list[Record]:
        """Read until there are at least so many records.

        Raises:
            AssertionError: the deadline has passed.
        """
        self._read_until(lambda: len(self.records) >= count, within_seconds)
        found = f"{self._topic} holds {len(self.records)} records, not {count}"
        assert len(self.records) >= count, f"after {within_seconds:g} s {found}"
        return self.records

    def _read_until(self, met: Callable[[], bool], within_seconds: float) -> None:
        deadline = time.monotonic() + within_seconds
        while not met() and time.monotonic() < deadline:
            if not self._take():
                self._discover()

    def _discover(self) -> None:
        """Begin with partitions that are new."""
        known = self._consumer.list_topics(self._topic, timeout=_SECONDS).topics[self._topic]
        if known.error is not None:
            raise KafkaException(known.error)
        new = [partition for partition in known.partitions if partition not in self._positions]
        if new:
            self._positions |= dict.fromkeys(new, 0)
            self._consumer.incremental_assign(
                [TopicPartition(self._topic, partition, OFFSET_BEGINNING) for partition in new]
            )

    def _take(self) -> bool:
        taken = self._consumer.consume(_BATCH, _POLL_SECONDS) if self._positions else []
        for record in taken:
            partition, offset = record.partition() or 0, record.offset() or 0
            error = record.error()
            if error is None:
                self._keep(record, partition, offset)
                self._positions[partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own spelling
                self._positions[partition] = offset  # past markers of transactions
            elif not error.retriable() and error.code() not in _PASSING:
                raise KafkaException(error)
        return bool(taken)

    def _keep(self, record: Message, partition: int, offset: int) -> None:
        kept = Record(
            self._topic,
            partition,
            offset,
            record.timestamp()[1],
            record.key(),
            record.value(),
            cast("list[tuple[str, bytes]]", record.headers() or []),
        )
        self.records.append(kept)
        message = numbered(kept.value)
        if self._ledger is not None and message is not None:
            self._ledger.held(message)
