"""Reads of any size: the same packets, no byte lost, no buffer beyond what we announced."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Connected, Event, Lost, Received
from mqtt_kafka_bridge.mqtt.reader import READ_BUFFER_BYTES, ReadBuffer, Reader
from mqtt_kafka_bridge.mqtt.session import Options, Session, State

pytestmark = pytest.mark.filterwarnings(
    # The codec panics at bad UTF-8, and the interpreter then warns of the error behind that.
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)
CONNACK = mqtt5.ConnAckPacket().write()
SHARED = 64
LIMIT = 200


class Wire:
    """Hand bytes to a reader as an event loop would."""

    def __init__(self, limit: int = LIMIT, shared: int = SHARED) -> None:
        self.session = Session(Options(client_id="c", maximum_packet_size=limit), "broker:1883")
        self.reader = Reader(self.session, ReadBuffer(shared))
        self.events: list[Event] = []
        self.largest_room = 0

    def feed(self, data: bytes, *slices: int) -> None:
        """Hand on the bytes in slices of these sizes, the last again and again."""
        sizes = list(slices)
        while data:
            room = self.reader.room()
            self.largest_room = max(self.largest_room, len(room))
            size = min(len(room), len(data), sizes.pop(0) if len(sizes) > 1 else sizes[0])
            assert size > 0
            room[:size] = data[:size]
            self.events += self.reader.filled(size)
            data = data[size:]

    @property
    def payloads(self) -> list[bytes]:
        """What came, in order."""
        runs = [event.messages for event in self.events if isinstance(event, Received)]
        return [bytes(message.payload) for run in runs for message in run]

    @property
    def lost(self) -> Lost:
        """Why it is over, which is said last and once."""
        assert isinstance(self.events[-1], Lost)
        assert sum(isinstance(event, Lost) for event in self.events) == 1
        assert self.session.state is State.CLOSED
        return self.events[-1]


def publish(payload: bytes, packet_id: int = 1) -> bytes:
    return mqtt5.PublishPacket("a", payload, qos=mqtt5.QoS(1), packet_id=packet_id).write()


STREAM = CONNACK + b"".join(
    publish(bytes([n]) * size, n + 1) for n, size in enumerate([0, 3, 60, 64, 180, 1, 100, 2])
)


@pytest.mark.parametrize("boundary", range(len(STREAM) + 1))
def test_a_read_can_end_at_every_byte(boundary: int) -> None:
    wire = Wire()
    wire.feed(STREAM, boundary or len(STREAM), len(STREAM))
    assert list(map(len, wire.payloads)) == [0, 3, 60, 64, 180, 1, 100, 2]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 63, 64, 1000])
def test_reads_can_have_any_size(size: int) -> None:
    wire = Wire()
    wire.feed(STREAM, size)
    assert list(map(len, wire.payloads)) == [0, 3, 60, 64, 180, 1, 100, 2]
    assert sum(e.wire_bytes for e in wire.events if isinstance(e, Received)) == len(STREAM) - 5


def test_connections_share_one_buffer_and_none_sees_the_bytes_of_another() -> None:
    shared = ReadBuffer(SHARED)
    wires = [Wire(), Wire()]
    for wire in wires:
        wire.reader = Reader(wire.session, shared)
    streams = [CONNACK + publish(letter * 100) + publish(letter * 20, 2) for letter in (b"x", b"y")]
    for start in range(0, len(streams[0]), 9):
        for wire, stream in zip(wires, streams, strict=True):
            wire.feed(stream[start : start + 9], 9)
    assert [wire.payloads for wire in wires] == [[b"x" * 100, b"x" * 20], [b"y" * 100, b"y" * 20]]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_packet_above_the_maximum_that_we_announced_is_refused(size: int) -> None:
    """Also when it came whole, in one read: what happens must not hang on that [MQTT-3.1.2-24]."""
    wire = Wire(limit=50, shared=4096)
    wire.feed(CONNACK + publish(b"small") + publish(bytes(60)) + publish(b"after"), size)
    assert wire.payloads == [b"small"]
    assert wire.lost.reason_code == 0x95
    assert isinstance(wire.lost.error, MustFixError)
    assert "a packet of 68 bytes, more than 50" in wire.lost.error.message
    assert "mqtt.maximumPacketSize" in wire.lost.error.cure


def test_a_packet_of_just_the_maximum_is_taken() -> None:
    wire = Wire(limit=len(publish(bytes(60))))
    wire.feed(CONNACK + publish(bytes(60)), 1)
    assert wire.payloads == [bytes(60)]


@pytest.mark.parametrize("length", [b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff\x7f", b"\xc9\x01"])
def test_a_huge_length_makes_no_buffer(length: bytes) -> None:
    wire = Wire()
    wire.feed(CONNACK + b"\x30" + length + bytes(1000), 1)
    assert wire.lost.reason_code in {0x81, 0x95}
    assert wire.largest_room == SHARED


def test_nothing_is_taken_any_more_when_it_is_over() -> None:
    """Be it after our DISCONNECT, in the middle of a large packet, or after what is malformed."""
    wire = Wire()
    wire.feed(CONNACK + publish(bytes(180))[:100], 1000)
    wire.session.disconnect()
    wire.feed(bytes(5000) + b"\x30\xff\xff\xff\x7f", 700)
    assert [type(event) for event in wire.events] == [Connected]
    broken = Wire()
    broken.feed(CONNACK + b"\x00\x00" + bytes(5000), 40)
    assert broken.lost.error.reason is Reason.MQTT_PROTOCOL_ERROR


def test_a_large_packet_that_is_malformed_ends_it() -> None:
    wire = Wire()
    wire.feed(CONNACK + b"\x36" + publish(bytes(150))[1:] + publish(b"x"), 50)
    assert wire.lost.reason_code == 0x81


def mutated(stream: bytes, changes: list[tuple[int, int]]) -> bytes:
    data = bytearray(stream)
    for place, value in changes:
        data[place % len(data)] = value
    return bytes(data)


PACKETS = [
    publish(b"payload"),
    mqtt5.PublishPacket(
        "a/b",
        bytes(90),
        user_properties=[("k", "v")],
        content_type="t",
        response_topic="r",
        correlation_data=b"c",
        message_expiry_interval=5,
    ).write(),
    mqtt5.PubAckPacket(1, reason_str="no").write(),
    mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)]).write(),
    mqtt5.PingRespPacket().write(),
    mqtt5.DisconnectPacket(reason_str="bye").write(),
]
STREAMS = st.builds(
    mutated,
    st.lists(st.sampled_from(PACKETS), max_size=8).map(lambda packets: CONNACK + b"".join(packets)),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=4),
)


def summary(events: list[Event]) -> list[object]:
    """Return what events say, whatever the reads were."""
    out: list[object] = []
    for event in events:
        match event:
            case Received():
                out += map(repr, event.messages)
            case Acknowledged():
                out += [event.refused] * event.total
            case Lost():
                out.append((event.error.message, event.reason_code))
            case _:
                out.append(event)
    return out


@given(STREAMS | st.binary(max_size=200), st.lists(st.integers(1, 70), min_size=1, max_size=12))
def test_no_bytes_in_no_slices_do_harm(data: bytes, slices: list[int]) -> None:
    """Nothing raises, the buffer stays within bounds, and slices make no difference."""
    whole, sliced = Wire(shared=1024), Wire(shared=1024)
    whole.feed(data, 1000)
    sliced.feed(data, *slices)
    assert summary(sliced.events) == summary(whole.events)
    assert whole.largest_room <= 1024


def test_the_shared_buffer_holds_many_messages() -> None:
    assert len(ReadBuffer().view) == READ_BUFFER_BYTES
