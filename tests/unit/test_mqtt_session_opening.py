"""How a session begins and ends: CONNECT, DISCONNECT, and their answers."""

from typing import cast

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError
from mqtt_kafka_bridge.mqtt.events import (
    Connected,
    Limits,
    Received,
)
from mqtt_kafka_bridge.mqtt.session import Options, State
from tests.support.mqtt_session import (
    connected,
    connecting,
    lost,
    publish,
    read,
    take,
)

# What it says


def test_connect_says_what_we_want() -> None:
    options = Options(
        client_id="c",
        clean_start=False,
        session_expiry_seconds=86_400,
        keep_alive_seconds=30,
        receive_maximum=8192,
        maximum_packet_size=1_048_576,
        username="plant",
        password=b"secret",
    )
    packet = read(connecting(options).connect())
    assert isinstance(packet, mqtt5.ConnectPacket)
    assert (packet.client_id, packet.clean_start) == ("c", False)
    assert (packet.username, packet.password) == ("plant", b"secret")
    assert (packet.session_expiry_interval, packet.keep_alive) == (86_400, 30)
    assert (packet.receive_max, packet.max_packet_size) == (8192, 1_048_576)
    assert packet.topic_alias_max == 0


def test_a_password_is_in_no_text() -> None:
    assert "secret" not in repr(Options(client_id="c", password=b"secret"))


def test_pubacks_leave_in_the_order_asked_for() -> None:
    """[MQTT-4.6.0-2]: whoever asks knows the order of arrival."""
    session = connected()
    take(session, publish(7), publish(65535), publish(1))
    assert session.acknowledge([7, 65535, 1]) == b"".join(
        mqtt5.PubAckPacket(packet_id).write() for packet_id in (7, 65535, 1)
    )
    assert session.unacknowledged == 0


def test_ping_and_disconnect_are_what_the_codec_writes() -> None:
    session = connected()
    assert isinstance(read(session.ping()), mqtt5.PingReqPacket)
    packet = read(session.disconnect(0x93))
    assert isinstance(packet, mqtt5.DisconnectPacket)
    assert int(packet.reason_code) == 0x93
    assert packet.session_expiry_interval is None
    assert session.state is State.CLOSED


def test_a_disconnect_can_end_the_session_too() -> None:
    """[MQTT5 3.14.2.2.2]."""
    packet = read(connected().disconnect(expiry_seconds=0))
    assert isinstance(packet, mqtt5.DisconnectPacket)
    assert (int(packet.reason_code), packet.session_expiry_interval) == (0, 0)


# CONNACK


def test_the_protocols_defaults_hold_where_connack_says_nothing() -> None:
    (event,) = take(connecting(), mqtt5.ConnAckPacket())
    assert event == Connected(
        session_present=False,
        limits=Limits(
            receive_maximum=65535,
            maximum_packet_size=None,
            maximum_qos=2,
            retain_available=True,
            keep_alive_seconds=30,
            session_expiry_seconds=60,
        ),
    )


def test_what_the_server_lowers_holds() -> None:
    session = connecting()
    connack = mqtt5.ConnAckPacket(
        session_present=True,
        receive_max=5,
        max_packet_size=100,
        max_qos=mqtt5.QoS(1),
        retain_available=False,
        server_keep_alive=10,
        session_expiry_interval=0,
    )
    (event,) = take(session, connack)
    limits = Limits(
        receive_maximum=5,
        maximum_packet_size=100,
        maximum_qos=1,
        retain_available=False,
        keep_alive_seconds=10,
        session_expiry_seconds=0,
    )
    assert event == Connected(session_present=True, limits=limits)
    assert session.outgoing.window == 5
    assert session.outgoing.maximum_packet_size == 100


def test_a_server_can_want_no_keep_alive() -> None:
    (event,) = take(connecting(), mqtt5.ConnAckPacket(server_keep_alive=0))
    assert isinstance(event, Connected)
    assert event.limits.keep_alive_seconds == 0


def test_a_session_after_a_clean_start_breaks_the_protocol() -> None:
    """[MQTT-3.2.2-2]."""
    session = connecting(Options(client_id="c", clean_start=True))
    assert lost(take(session, mqtt5.ConnAckPacket(session_present=True))).reason_code == 0x82


@pytest.mark.parametrize("code", [0x80, 0x86, 0x87, 0x88, 0x97, 0x9D])
def test_a_refused_connect_is_over_and_nothing_is_left_to_say(code: int) -> None:
    session = connecting()
    connack = mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode(code), reason_str="because")
    event = lost(take(session, connack, publish(1)))
    assert event.reason_code is None
    assert f"0x{code:02X} (because)" in event.error.message
    assert session.state is State.CLOSED


def test_the_server_that_a_refusal_names_is_passed_on() -> None:
    code = mqtt5.ConnAckReasonCode.USE_ANOTHER_SERVER
    connack = mqtt5.ConnAckPacket(reason_code=code, server_reference="other:1883")
    assert "use other:1883" in lost(take(connecting(), connack)).error.message


@pytest.mark.parametrize(
    "data",
    [
        b"\x20\x02\x00\x01",
        b"\x20\x02\x00\x00",
        mqtt5.PublishPacket("a", b"").write(),
        mqtt5.PubAckPacket(1).write(),
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"HTTP/1.1 400 Bad Request\r\n" + bytes(80),
    ],
    ids=["3.1.1 refuses", "3.1.1 accepts", "publish", "puback", "TLS alert", "HTTP"],
)
def test_a_server_that_speaks_something_else_is_named_with_the_cure(data: bytes) -> None:
    session = connecting()
    _, events = session.receive(memoryview(data))
    event = lost(events)
    assert isinstance(event.error, MustFixError)
    assert event.error.reason is Reason.MQTT_PROTOCOL_ERROR
    assert "MQTT 5" in event.error.cure
    assert "mqtts://" in event.error.cure
    assert ("3.1.1" in event.error.message) == data.startswith(b"\x20\x02")


def test_a_second_connack_breaks_the_protocol() -> None:
    events = take(connecting(), mqtt5.ConnAckPacket(), mqtt5.ConnAckPacket())
    assert isinstance(events[0], Connected)
    assert lost(events).reason_code == 0x82


def test_messages_in_one_read_with_connack_are_delivered() -> None:
    events = take(connecting(), mqtt5.ConnAckPacket(session_present=True), publish(1))
    assert [type(event) for event in events] == [Connected, Received]


# DISCONNECT


@pytest.mark.parametrize("code", [0x00, 0x82, 0x87, 0x8B, 0x8D, 0x8E, 0x93, 0x95, 0x98, 0x9C])
def test_a_disconnect_is_told_with_the_servers_own_words(code: int) -> None:
    session = connected()
    disconnect = mqtt5.DisconnectPacket(
        reason_code=mqtt5.DisconnectReasonCode(code), reason_str="why", server_reference="b:1"
    )
    events = take(session, publish(1), disconnect, publish(2))
    assert isinstance(events[0], Received)
    event = lost(events)
    assert f"0x{code:02X} (why, use b:1)" in event.error.message
    assert event.reason_code is None
    assert (event.error.reason is Reason.MQTT_TAKEN_OVER) == (code == 0x8E)


def test_what_a_server_allows_is_told_in_integers() -> None:
    """The codec's enums are none, whatever its stubs say."""
    assert not isinstance(cast("object", mqtt5.QoS(1)), int)
    (event,) = take(connecting(), mqtt5.ConnAckPacket())
    assert isinstance(event, Connected)
    assert type(event.limits.maximum_qos) is int
