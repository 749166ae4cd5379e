"""Batches of records that are cheap to fill."""

from collections.abc import Sequence

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from mqtt_kafka_bridge.flows.ports import Header

CODECS = {
    "none": 0,
    "gzip": DefaultRecordBatch.CODEC_GZIP,
    "snappy": DefaultRecordBatch.CODEC_SNAPPY,
    "lz4": DefaultRecordBatch.CODEC_LZ4,
    "zstd": DefaultRecordBatch.CODEC_ZSTD,
}


class RecordBatch(BatchBuilder):  # type: ignore[misc] # aiokafka has no types
    """A batch of a size of its own; `append` does without aiokafka's serializers (0.1 us)."""

    _closed: bool
    _relative_offset: int

    def __init__(self, max_bytes: int, codec: int) -> None:
        super().__init__(max_bytes, codec)

    def append(
        self,
        *,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
    ) -> object | None:
        """Add a record, `timestamp` in milliseconds; None when the batch is full."""
        if self._closed:
            return None
        # The compiled builder takes a list and nothing else.
        written: object | None = self._builder.append(
            self._relative_offset,
            timestamp,
            key,
            value,
            headers if headers.__class__ is list else list(headers),
        )
        if written is None:
            self._closed = True
            return None
        self._relative_offset += 1
        return written

    def record_count(self) -> int:
        """How many records it holds."""
        return self._relative_offset
