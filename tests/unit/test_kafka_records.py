"""Batches: what fits, what they take, and the places inside aiokafka that are replaced."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_kafka_bridge.kafka.records import CODECS, RecordBatch
from mqtt_kafka_bridge.mapping.sizes import record_bytes

_HEADERS = st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=200)))
_BYTES = st.none() | st.binary(max_size=300)


@given(
    timestamp=st.integers(0, 2**53),
    key=_BYTES,
    value=_BYTES,
    headers=_HEADERS,
)
def test_a_record_takes_no_more_than_was_reckoned(
    timestamp: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    batch = RecordBatch(1_000_000, CODECS["none"])
    batch.append(timestamp=timestamp, key=key, value=value, headers=headers)
    assert batch.size() <= record_bytes(key, value, headers)


def test_a_batch_is_full_at_its_own_size_and_stays_full() -> None:
    batch = RecordBatch(350, CODECS["none"])
    results = [
        batch.append(timestamp=1, key=None, value=b"x" * size, headers=())
        for size in (100, 100, 100, 1)
    ]
    assert [result is not None for result in results] == [True, True, False, False]
    assert batch.record_count() == 2
    assert batch.size() <= 350


def test_headers_may_be_any_sequence() -> None:
    one, other = RecordBatch(1000, CODECS["none"]), RecordBatch(1000, CODECS["none"])
    one.append(timestamp=1, key=b"k", value=b"v", headers=[("a", b"b"), ("c", None)])
    other.append(timestamp=1, key=b"k", value=b"v", headers=(("a", b"b"), ("c", None)))
    assert one._build() == other._build()  # noqa: SLF001 - what goes on the wire


@pytest.mark.parametrize("codec", CODECS)
def test_what_compresses_well_is_compressed(codec: str) -> None:
    batch = RecordBatch(100_000, CODECS[codec])
    for _ in range(100):
        batch.append(timestamp=1, key=b"k", value=b"the same again " * 20, headers=())
    assert (len(batch._build()) < 5000) == (codec != "none")  # noqa: SLF001


@pytest.mark.parametrize(
    "change",
    [
        "aiokafka.__version__ = '0.15.0'",
        "fetcher.PartitionRecords._consumer_record = lambda self, tp, record, more: None",
        "default_records.zstd_encode = lambda data, level: data",
    ],
)
def test_another_aiokafka_than_the_one_that_was_read_is_refused_loudly(change: str) -> None:
    program = (
        "import aiokafka\n"
        "from aiokafka.consumer import fetcher\n"
        "from aiokafka.record._crecords import default_records\n"
        f"{change}\n"
        "import mqtt_kafka_bridge.kafka\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "ImportError: aiokafka" in done.stderr
