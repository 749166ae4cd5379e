"""The benchmark's sink finds each PUBLISH, whether their lengths agree or not."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.publishes import layout, split


def publish(packet_id: int, payload: bytes = b"x" * 200, topic: str = "plant/a") -> bytes:
    """Return a PUBLISH with a property, as a bridge sends it."""
    return mqtt5.PublishPacket(
        topic,
        payload,
        qos=mqtt5.QoS.AT_LEAST_ONCE,
        packet_id=packet_id,
        user_properties=[("bridge.path", "local/plant/commands")],
    ).write()


def ids_and_ends(data: bytes) -> tuple[list[int], list[int], int]:
    """Return what `split` found, with the packet ids read."""
    packets, used = split(bytearray(data), len(data))
    ids = [data[at] << 8 | data[at + 1] for at in packets.packet_id.tolist()]
    return ids, packets.end.tolist(), used


def test_packets_of_one_length_are_found() -> None:
    """The quick way."""
    data = b"".join(publish(packet_id) for packet_id in range(1, 501))
    size = len(data) // 500
    ids, ends, used = ids_and_ends(data)
    assert ids == list(range(1, 501))
    assert ends == list(range(size, len(data) + 1, size))
    assert used == len(data)


@given(
    st.lists(st.tuples(st.sampled_from([0, 5, 130, 20_000]), st.integers(1, 60)), max_size=6),
    st.integers(0, 40),
)
def test_packets_of_any_lengths_are_found(runs: list[tuple[int, int]], cut: int) -> None:
    """Runs of equal packets, single ones, and a last one that is cut."""
    packets: list[bytes] = []
    for size, count in runs:
        packets += [publish(len(packets) + n + 1, b"p" * size) for n in range(count)]
    data = b"".join(packets)
    whole = data[: len(data) - cut]
    ids, ends, used = ids_and_ends(whole)
    assert ids == list(range(1, len(ids) + 1))
    assert used == (ends[-1] if ends else 0) == sum(map(len, packets[: len(ids)]))
    if len(ids) < len(packets):
        assert used + len(packets[len(ids)]) > len(whole)


def test_topics_of_other_lengths_end_a_run() -> None:
    """Their packets have one length, but their ids stand elsewhere."""
    data = b"".join(
        publish(n, topic="t" * (1 + n // 50), payload=b"p" * (9 - n // 50)) for n in range(1, 150)
    )
    ids, _, used = ids_and_ends(data)
    assert ids == list(range(1, 150))
    assert used == len(data)


def test_a_repeated_packet_is_found_too() -> None:
    """DUP is a bit of the first byte."""
    again = bytearray(publish(7))
    again[0] |= 0x08
    data = publish(6) * 20 + bytes(again) * 20
    assert ids_and_ends(data)[0] == [6] * 20 + [7] * 20


def test_other_packets_end_the_split() -> None:
    """The caller answers a ping, then goes on."""
    data = publish(1) + mqtt5.PingReqPacket().write() + publish(2)
    ids, _, used = ids_and_ends(data)
    assert ids == [1]
    assert used == len(publish(1))


def test_what_is_no_publish_has_no_layout() -> None:
    """It is an error to ask."""
    ping = mqtt5.PingReqPacket().write() + publish(1)
    with pytest.raises(ValueError, match="packet type 12"):
        layout(ping, 0, len(ping))
