"""A session without a socket: packets in, events out."""

import mqtt5

from mqtt_kafka_bridge.mqtt.events import (
    Event,
    Lost,
)
from mqtt_kafka_bridge.mqtt.session import Options, Session, State
from mqtt_kafka_bridge.mqtt.subscribing import Subscription

OPTIONS = Options(client_id="plant.telemetry", receive_maximum=3, session_expiry_seconds=60)
SUBSCRIPTION = Subscription("plant/#", 1)


def connecting(options: Options = OPTIONS) -> Session:
    """Return a session that has sent CONNECT."""
    return Session(options, "broker:1883")


def connected(options: Options = OPTIONS) -> Session:
    """Return one that got CONNACK."""
    session = connecting(options)
    session.receive(memoryview(mqtt5.ConnAckPacket().write()))
    assert session.state is State.CONNECTED
    return session


def take(session: Session, *packets: mqtt5.Packet) -> list[Event]:
    """Hand packets to a session; return what they say."""
    data = b"".join(packet.write() for packet in packets)
    size, events = session.receive(memoryview(data))
    assert size == len(data) or session.state is State.CLOSED
    return events


def lost(events: list[Event]) -> Lost:
    """Return the one event that is the last."""
    *before, last = events
    assert isinstance(last, Lost)
    assert not any(isinstance(event, Lost) for event in before)
    return last


def publish(packet_id: int | None, topic: str = "plant/a") -> mqtt5.PublishPacket:
    """Return a message to us; QoS 0 without a packet id."""
    qos = mqtt5.QoS(0 if packet_id is None else 1)
    return mqtt5.PublishPacket(topic, b"x", qos=qos, packet_id=packet_id)


def read(data: bytes) -> mqtt5.Packet:
    """Return the one packet that bytes hold."""
    packet, size = mqtt5.read(memoryview(data))
    assert size == len(data)
    return packet
