"""Messages over a session, both ways: ids, windows, order, and what breaks the protocol."""

from typing import cast

import mqtt5
import pytest

from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.events import (
    Acknowledged,
    Acknowledgement,
    Received,
)
from mqtt_kafka_bridge.mqtt.session import Session
from tests.support.mqtt_session import connected, lost, publish, take

# Messages towards us


def test_a_run_of_messages_is_one_event_with_ids_and_size() -> None:
    session = connected()
    packets = [publish(5), publish(None), publish(6)]
    (event,) = take(session, *packets)
    assert isinstance(event, Received)
    assert [message.topic for message in event.messages] == ["plant/a"] * 3
    assert event.packet_ids == [5, None, 6]
    assert event.wire_bytes == sum(len(packet.write()) for packet in packets)
    assert session.unacknowledged == 2


def test_a_server_that_exceeds_our_receive_maximum_is_noticed_and_borne_with() -> None:
    """Mosquitto does with a backlog; to leave it would make it send everything again, for ever.

    QoS 0 does not count, and what is acknowledged no more [MQTT-3.3.4-9].
    """
    session = connected()
    take(session, publish(1), publish(2), publish(3), *[publish(None)] * 5)
    assert not session.exceeded
    (event,) = take(session, publish(4), publish(None))
    assert isinstance(event, Received)
    assert session.exceeded
    session.acknowledge([1])
    assert not session.exceeded


def test_a_packet_id_of_0_breaks_the_protocol() -> None:
    data = mqtt5.PublishPacket("a", b"", qos=mqtt5.QoS(1), packet_id=258).write()
    session = connected()
    _, events = session.receive(memoryview(data.replace(b"\x01\x02", b"\0\0")))
    assert lost(events).reason_code == 0x82


def test_a_topic_alias_which_we_never_allowed_breaks_the_protocol() -> None:
    """It would be a message without a topic [MQTT-3.1.2-26]."""
    packet = mqtt5.PublishPacket("", b"x", topic_alias=1)
    assert lost(take(connected(), publish(None), packet)).reason_code == 0x94


@pytest.mark.parametrize(
    "packet",
    [
        mqtt5.ConnectPacket("c"),
        mqtt5.SubscribePacket(1, [mqtt5.TopicFilter("a")]),
        mqtt5.PubRecPacket(1),
        mqtt5.PubRelPacket(1),
        mqtt5.PubCompPacket(1),
        mqtt5.PingReqPacket(),
        mqtt5.AuthPacket(),
    ],
    ids=lambda packet: type(packet).__name__,
)
def test_what_nobody_asked_for_breaks_the_protocol(packet: mqtt5.Packet) -> None:
    event = lost(take(connected(), packet))
    assert event.reason_code == 0x82
    assert type(packet).__name__ in event.error.message


def test_a_pingresp_says_nothing() -> None:
    assert take(connected(), mqtt5.PingRespPacket(), mqtt5.PingRespPacket()) == []


def test_what_came_before_garbage_is_delivered_and_nothing_after() -> None:
    session = connected()
    data = publish(1).write() + b"\x00\x00" + publish(2).write()
    consumed, events = session.receive(memoryview(data))
    assert consumed == len(publish(1).write())
    assert isinstance(events[0], Received)
    assert lost(events).reason_code == 0x81


# Messages from us


def publishing(count: int) -> Session:
    session = connected()
    publication = Publication("a", b"", retain=False, expiry_seconds=None, user_properties=[])
    for number in range(count):
        session.outgoing.publish(publication, number, 1)
    return session


def test_pubacks_are_counted_and_refusals_told_apart() -> None:
    code = mqtt5.PubAckReasonCode(0x97)
    (event,) = take(
        publishing(3),
        mqtt5.PubAckPacket(1),
        mqtt5.PubAckPacket(2, reason_code=code),
        mqtt5.PubAckPacket(3, reason_code=mqtt5.PubAckReasonCode(0x10)),
    )
    assert event == Acknowledged(3, [Acknowledgement(1, 0x97)])


def test_a_refusal_is_kept_until_something_else_comes() -> None:
    """A broker that closes the connection then does it because of that."""
    refused = mqtt5.PubAckPacket(1, reason_code=mqtt5.PubAckReasonCode(0x87))
    session = publishing(3)
    take(session, publish(1), refused)
    assert session.refusal == 0x87
    take(session, mqtt5.PubAckPacket(2))
    assert session.refusal is None


@pytest.mark.parametrize("packet_ids", [(3,), (1, 1)])
def test_a_puback_for_nothing_in_flight_breaks_the_protocol(packet_ids: tuple[int, ...]) -> None:
    event = lost(take(publishing(2), *map(mqtt5.PubAckPacket, packet_ids)))
    assert event.reason_code == 0x82
    assert f"packet id {packet_ids[-1]}" in event.error.message


def test_a_new_connection_knows_nothing_of_the_old_one() -> None:
    """Neither windows nor packet ids: an old acknowledgement can't hit a new message."""
    old = publishing(2)
    take(old, publish(1), publish(2))
    new = connected()
    assert new.unacknowledged == 0
    assert new.outgoing.window == 65535
    assert lost(take(new, mqtt5.PubAckPacket(1))).reason_code == 0x82


def test_a_refusal_is_told_as_an_integer() -> None:
    """The codec's reason codes are none, whatever its stubs say."""
    code = mqtt5.PubAckReasonCode(0x97)
    assert not isinstance(cast("object", code), int)
    (event,) = take(publishing(1), mqtt5.PubAckPacket(1, reason_code=code))
    assert isinstance(event, Acknowledged)
    assert type(event.refused[0].reason_code) is int
