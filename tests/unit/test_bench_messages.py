"""The benchmark's messages are what an MQTT client and a sink take them for."""

import json

import mqtt5
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.messages import Load, PacketRing, digits, numbers, telemetry_topic, varint

LOADS = [Load(payload_bytes=size, qos=qos) for size in (20, 200, 2048) for qos in (0, 1)]


def decoded(packets: memoryview) -> list[mqtt5.PublishPacket]:
    """Read packets with the codec that the bridge uses too."""
    found, at = [], 0
    while at < len(packets):
        packet, used = mqtt5.read(packets[at:])
        assert isinstance(packet, mqtt5.PublishPacket)
        found.append(packet)
        at += used
    return found


@pytest.mark.parametrize("load", LOADS)
def test_every_packet_says_which_message_it_is(load: Load) -> None:
    """The ring is in its 70th turn: numbers of the turns before are overwritten."""
    ring = PacketRing(load, rows=64)
    ring.packets(0, 64)
    first = 70 * 64
    for index, packet in enumerate(decoded(ring.packets(first, 64)), start=first):
        assert packet.topic == telemetry_topic(index % 1000)
        assert packet.qos == mqtt5.QoS(load.qos)
        assert packet.packet_id == (index + 1 if load.qos else None)
        assert len(packet.payload) == load.payload_bytes
        assert int(packet.payload[load.device_at]) == index % 1000
        assert int(packet.payload[load.number_at]) == index // 1000


def test_packet_ids_start_again_after_the_last() -> None:
    """There is no packet id 0 [MQTT-2.2.1-2]."""
    packets = decoded(PacketRing(Load(), rows=8).packets(65_528, 8))
    assert [packet.packet_id for packet in packets] == [*range(65_529, 65_536), 1]


@pytest.mark.parametrize("clients", [1, 2, 3])
def test_rings_that_share_a_load_have_each_message_once(clients: int) -> None:
    """Dealt out one by one; each has packet ids of its own."""
    load, found = Load(topics=10), []
    for place in range(clients):
        ring = PacketRing(load, rows=20, every=clients, offset=place)
        packets = decoded(ring.packets(0, 20))
        assert [packet.packet_id for packet in packets] == list(range(1, 21))
        for packet in packets:
            device, number = packet.payload[load.device_at], packet.payload[load.number_at]
            assert packet.topic == telemetry_topic(int(device))
            found.append(int(number) * 10 + int(device))
    assert sorted(found) == list(range(20 * clients))


def test_a_run_of_packets_ends_at_the_rings_end() -> None:
    """The caller divides by the length of a packet."""
    ring = PacketRing(Load(), rows=8)
    assert len(ring.packets(6, 8)) == 2 * ring.packet_bytes


@pytest.mark.parametrize("size", [64, 65, 200, 2048])
def test_payloads_are_json_objects_from_64_bytes_on(size: int) -> None:
    """So that a payload path, and a compressor, find what real messages have."""
    load = Load(payload_bytes=size)
    for body in load.bodies(20):
        assert len(body) == size
        content = json.loads(load.payload(12_017, body))
        assert (content["device"], content["seq"]) == ("d000017", "00000012")


def test_bodies_differ_but_not_from_run_to_run() -> None:
    """Every system gets the same load."""
    bodies = Load().bodies(100)
    assert len(set(bodies)) == 100
    assert bodies == Load().bodies(100)


@given(st.lists(st.integers(0, 10**8 - 1), min_size=1))
def test_digits_and_numbers_are_inverse(values: list[int]) -> None:
    """For every number that fits."""
    rows = digits(np.array(values, dtype=np.int64), 8)
    assert [bytes(row).decode() for row in rows] == [f"{value:08}" for value in values]
    assert numbers(rows).tolist() == values


def test_lengths_are_mqtt_variable_byte_integers() -> None:
    """The examples of [MQTT-1.5.5]."""
    assert [varint(value).hex() for value in (0, 127, 128, 16_383, 16_384)] == [
        *("00", "7f", "8001", "ff7f", "808001")
    ]


@pytest.mark.parametrize(
    "wrong", [{"topics": 0}, {"topics": 1_000_001}, {"payload_bytes": 15}, {"qos": 2}]
)
def test_a_load_that_cannot_be_sent_is_refused(wrong: dict[str, int]) -> None:
    """Before anything is started."""
    with pytest.raises(ValueError, match=r"must|too small"):
        Load(**wrong)
