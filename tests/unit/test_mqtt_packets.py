"""Bytes to packets: whole ones as they stand, and no bytes that could hurt."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_kafka_bridge.mqtt.packets import announced_size, read_runs, within

pytestmark = pytest.mark.filterwarnings(
    # The codec panics at bad UTF-8, and the interpreter then warns of the error behind that.
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)
PUBLISH = mqtt5.PublishPacket("a/b", b"payload", qos=mqtt5.QoS(1), packet_id=7).write()
PUBACK = mqtt5.PubAckPacket(7).write()
BAD_UTF8 = b"\x30\x04\x00\x01\xff\x00"


def view(*packets: bytes) -> memoryview:
    return memoryview(b"".join(packets))


def test_packets_of_one_kind_that_stand_together_are_one_run() -> None:
    size, runs, fault = read_runs(view(PUBLISH, PUBLISH, PUBACK, PUBLISH))
    assert size == 3 * len(PUBLISH) + len(PUBACK)
    assert [(run.kind, len(run.packets), run.size) for run in runs] == [
        (mqtt5.PublishPacket, 2, 2 * len(PUBLISH)),
        (mqtt5.PubAckPacket, 1, len(PUBACK)),
        (mqtt5.PublishPacket, 1, len(PUBLISH)),
    ]
    assert fault is None


@pytest.mark.parametrize("kept", range(len(PUBLISH)))
def test_a_packet_that_is_not_complete_is_left(kept: int) -> None:
    size, runs, fault = read_runs(view(PUBACK, PUBLISH[:kept]))
    assert size == len(PUBACK)
    assert len(runs) == 1
    assert fault is None


def test_nothing_is_nothing() -> None:
    assert read_runs(view()) == (0, [], None)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00",
        b"\x36\x06\x00\x01a\x00\x01\x00",  # QoS 3
        b"\xff\xff\xff\xff\xff\xff",
        b"\x30\x02\x00\x64",  # a topic longer than its packet
        BAD_UTF8,  # the codec panics
    ],
)
def test_what_came_before_a_malformed_packet_is_not_lost(garbage: bytes) -> None:
    size, runs, fault = read_runs(view(PUBLISH, garbage))
    assert size == len(PUBLISH)
    assert [run.kind for run in runs] == [mqtt5.PublishPacket]
    assert fault


def test_what_is_no_fault_of_the_bytes_escapes() -> None:
    with pytest.raises(TypeError):
        read_runs("no bytes")  # type: ignore[arg-type]  # the point


@given(st.binary(max_size=64) | st.binary(max_size=40).map(PUBLISH.__add__))
def test_no_bytes_are_read_twice_nor_raise(data: bytes) -> None:
    size, runs, fault = read_runs(memoryview(data))
    assert size == sum(run.size for run in runs) <= len(data)
    if fault is None and size < len(data):
        rest = announced_size(memoryview(data)[size:])
        assert rest is None or rest > len(data) - size


@given(st.binary(min_size=1, max_size=48), st.binary(max_size=16))
def test_a_packet_says_the_same_whatever_follows_it(body: bytes, tail: bytes) -> None:
    """The codec reads nothing beyond a packet's own length."""
    packet = bytes([body[0], len(body) - 1]) + body[1:]
    alone, followed = read_runs(view(packet)), read_runs(view(packet, tail))
    assert (alone[2] is None) == (followed[0] >= len(packet))
    if alone[2] is None:
        assert repr(followed[1][0].packets[0]) == repr(alone[1][0].packets[0])


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", None),
        (b"\x30", None),
        (b"\x30\x00", 2),
        (b"\x30\x7f", 129),
        (b"\x30\x80", None),
        (b"\x30\x80\x01", 131),
        (b"\x30\xff\xff\xff", None),
        (b"\x30\xff\xff\xff\x7f", 268_435_460),
        (b"\x30\xff\xff\xff\xff", 1 << 32),
        (b"\x30\xff\xff\xff\xff\x01", 1 << 32),
    ],
)
def test_a_packet_says_its_size_in_its_first_bytes(data: bytes, size: int | None) -> None:
    assert announced_size(memoryview(data)) == size


def test_the_bytes_before_a_packet_above_the_limit_are_cut_out() -> None:
    large = mqtt5.PublishPacket("a", bytes(100)).write()
    assert within(view(PUBLISH, PUBLISH), 50) == view(PUBLISH, PUBLISH)
    assert within(view(PUBLISH, PUBACK, large, PUBLISH), 50) == view(PUBLISH, PUBACK)
    assert len(within(view(large[:2]), 50)) == 0
    assert within(view(PUBLISH, b"\x30"), 50) == view(PUBLISH, b"\x30")
