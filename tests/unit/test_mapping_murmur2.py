"""Partitions are chosen as Java producers choose them."""

import pytest
from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.mapping.murmur2 import murmur2, partition_for


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_hashes_are_those_of_kafkas_own_test(data: bytes, expected: int) -> None:
    assert murmur2(data) == expected % 2**32


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(1, 1000))
def test_hashes_and_partitions_are_those_of_aiokafka(data: bytes, partitions: int) -> None:
    assert murmur2(data) == of_aiokafka(data) % 2**32
    assert partition_for(data, partitions) == (of_aiokafka(data) & 0x7FFFFFFF) % partitions
