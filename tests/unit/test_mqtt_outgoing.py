"""The sending half: packet ids, the broker's limits, and what PUBACKs say."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.alike import Alike, utf8_string
from mqtt_kafka_bridge.mqtt.events import Acknowledged, Acknowledgement
from mqtt_kafka_bridge.mqtt.outgoing import Outgoing

PLAIN = Publication("a", b"payload", retain=False, expiry_seconds=None, user_properties=[])
ALIKE = Alike(1, [("bridge.path", "a/b/c")], retain=False)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="+#"), max_size=200)
PUBLICATIONS = st.builds(
    Publication,
    TEXT.filter(bool),
    st.binary(max_size=300),
    st.booleans(),
    st.none() | st.integers(0, 2**32 - 1),
    st.lists(st.tuples(TEXT, TEXT), max_size=4),
    st.none() | TEXT,
    st.none() | TEXT.filter(bool),
    st.none() | st.binary(max_size=200),
)


def read(data: bytes) -> mqtt5.PublishPacket:
    packet, size = mqtt5.read(memoryview(data))
    assert size == len(data)
    assert isinstance(packet, mqtt5.PublishPacket)
    return packet


def read_all(data: bytes) -> list[mqtt5.PublishPacket]:
    packets, left = [], memoryview(data)
    while left:
        packet, size = mqtt5.read(left)
        assert isinstance(packet, mqtt5.PublishPacket)
        packets.append(packet)
        left = left[size:]
    return packets


def pubacks(*packet_ids: int, code: int = 0) -> list[mqtt5.PubAckPacket]:
    return [
        mqtt5.PubAckPacket(packet_id, reason_code=mqtt5.PubAckReasonCode(code))
        for packet_id in packet_ids
    ]


def in_flight(count: int) -> Outgoing:
    outgoing = Outgoing()
    outgoing.publish_alike(ALIKE, [(b"\0\1a", b"")] * count, 0, 1)
    return outgoing


@given(PUBLICATIONS, st.integers(0, 1))
def test_a_publication_says_the_same_on_the_wire(publication: Publication, qos: int) -> None:
    packet = read(Outgoing().publish(publication, 3, qos))
    assert int(packet.qos) == qos
    assert packet.packet_id == (1 if qos else None)
    assert publication == Publication(
        packet.topic,
        packet.payload,
        packet.retain,
        packet.message_expiry_interval,
        packet.user_properties,
        packet.content_type,
        packet.response_topic,
        packet.correlation_data,
    )


@given(PUBLICATIONS)
def test_what_fits_is_known_to_the_byte(publication: Publication) -> None:
    """[MQTT-3.1.2-24]."""
    outgoing = Outgoing()
    size = len(outgoing.publish(publication, 0, 1))
    outgoing.maximum_packet_size = size
    assert outgoing.fits(publication)
    outgoing.maximum_packet_size = size - 1
    assert not outgoing.fits(publication)


def test_without_a_maximum_everything_fits_that_mqtt_can_say() -> None:
    outgoing = Outgoing()
    overhead = len(outgoing.publish(PLAIN, 0, 1)) + 3 - len(PLAIN.payload)
    largest = bytes(268_435_460 - overhead)
    assert outgoing.fits(PLAIN._replace(payload=largest))
    assert not outgoing.fits(PLAIN._replace(payload=largest + b"x"))


@given(st.integers(0, 200_000), st.integers(0, 2**16 - 1), st.integers(0, 100))
def test_plain_room_is_enough_whatever_the_topic_is(
    maximum: int, topic_bytes: int, path: int
) -> None:
    outgoing = Outgoing()
    outgoing.maximum_packet_size = maximum
    if outgoing.plain_room >= 0:
        publication = PLAIN._replace(
            topic="t" * topic_bytes,
            payload=bytes(outgoing.plain_room),
            user_properties=[("bridge.path", "x" * path)],
        )
        assert outgoing.fits(publication)


@given(
    st.lists(st.tuples(TEXT.filter(bool), st.binary(max_size=300)), min_size=1, max_size=8),
    st.integers(0, 1),
    st.booleans(),
    st.lists(st.tuples(TEXT, TEXT), max_size=3),
)
def test_packets_that_are_alike_are_what_the_codec_would_write(
    pairs: list[tuple[str, bytes]],
    qos: int,
    retain: bool,  # noqa: FBT001 - drawn
    properties: list[tuple[str, str]],
) -> None:
    alike = Alike(qos, properties, retain=retain)
    encoded = [(utf8_string(topic), payload) for topic, payload in pairs]
    expected = [
        mqtt5.PublishPacket(
            topic,
            payload,
            qos=mqtt5.QoS(qos),
            packet_id=number if qos else None,
            retain=retain,
            user_properties=properties,
        ).write()
        for number, (topic, payload) in enumerate(pairs, 1)
    ]
    assert Outgoing().publish_alike(alike, encoded, 10, qos) == b"".join(expected)


def test_qos_0_takes_no_packet_id_and_waits_for_nothing() -> None:
    outgoing = Outgoing()
    outgoing.publish(PLAIN, 1, 0)
    outgoing.publish_alike(Alike(0, [], retain=False), [(b"\0\1a", b"")], 2, 0)
    assert outgoing.window == 65535
    assert outgoing.oldest(9) == 9


def test_packet_ids_wrap_at_65535_and_leave_out_what_is_in_flight() -> None:
    """[MQTT-2.2.1-3]; 0 is no packet id."""
    outgoing = in_flight(65535)
    assert outgoing.window == 0
    outgoing.acknowledged(pubacks(*(set(range(1, 65536)) - {2, 65535})))
    data = outgoing.publish_alike(ALIKE, [(b"\0\1a", b"")] * 3, 0, 1)
    assert [packet.packet_id for packet in read_all(data)] == [1, 3, 4]
    assert read(outgoing.publish(PLAIN, 0, 1)).packet_id == 5
    assert outgoing.next_packet_id() == 6


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), max_size=30), st.data())
def test_a_packet_id_is_unique_while_in_flight(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    outgoing = Outgoing()
    outgoing._packet_id = data.draw(st.integers(65_400, 65_535))  # noqa: SLF001 - near the end
    waiting: dict[int, int] = {}
    number = 0
    for publish, acknowledge in steps:
        out = outgoing.publish_alike(ALIKE, [(b"\0\1a", b"")] * publish, number, 1)
        for packet in read_all(out):
            assert packet.packet_id is not None
            assert 1 <= packet.packet_id <= 65535
            assert packet.packet_id not in waiting
            waiting[packet.packet_id] = number
            number += 1
        taken = list(waiting)[:: 1 + acknowledge % 3][:acknowledge]
        assert outgoing.acknowledged(pubacks(*taken)) == Acknowledged(len(taken), [])
        for packet_id in taken:
            del waiting[packet_id]
        assert outgoing.numbers() == set(waiting.values())
        assert outgoing.oldest(number) == next(iter(waiting.values()), number)
        assert outgoing.window == 65535 - len(waiting)


@pytest.mark.parametrize("code", [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
def test_a_refusal_is_told_with_its_message_and_code(code: int) -> None:
    outgoing = in_flight(3)
    answers = [*pubacks(1), *pubacks(2, code=code), *pubacks(3, code=0x10)]
    assert outgoing.acknowledged(answers) == Acknowledged(3, [Acknowledgement(1, code)])


def test_a_puback_for_nothing_in_flight_is_told() -> None:
    assert in_flight(2).acknowledged(pubacks(1, 3)) == 3
    assert in_flight(2).acknowledged(pubacks(1, 1)) == 1
