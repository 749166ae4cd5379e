"""An MQTT 5 client that publishes a set number of messages to a real broker, as fast as it takes.

A process of its own (`python -m bench.mqtt_publisher PLAN`), started by `bench.mosquitto`: in this
case the broker is the bottleneck, and its publisher must cost little of what is left.
"""

import json
import select
import socket
import sys
import time
from dataclasses import dataclass

import mqtt5

from bench.acks import AckLedger
from bench.messages import Load, PacketRing
from bench.station import emit, fail

_READ_BYTES = 1 << 16
_BLOCK = 512


@dataclass(frozen=True)
class Plan:
    """What a publisher does, as JSON on its command line."""

    port: int
    topics: int = 1000
    payload_bytes: int = 200
    qos: int = 1
    total: int = 170_000
    window: int = 1000
    rate: float = 0.0
    """Messages a second; 0 for as many as the broker takes."""
    deadline_seconds: float = 120.0


def connect(plan: Plan) -> tuple[socket.socket, int]:
    """Connect; return the socket and how many messages may be unacknowledged."""
    link = socket.create_connection(("127.0.0.1", plan.port))
    link.sendall(mqtt5.ConnectPacket("bench-publisher", clean_start=True).write())
    packet, used = mqtt5.read(memoryview(answer := link.recv(_READ_BYTES)))
    if not isinstance(packet, mqtt5.ConnAckPacket) or used != len(answer):
        fail(f"the broker answered {packet}")
    if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
        fail(f"the broker refused: {packet.reason_code}")
    return link, min(plan.window, packet.receive_max)


def publish(plan: Plan) -> None:
    """Publish everything; wait for every PUBACK."""
    link, window = connect(plan)
    ring = PacketRing(Load(plan.topics, plan.payload_bytes, plan.qos))
    acks = AckLedger()
    sent, start = 0, time.monotonic()
    emit("connected", window=window)
    while sent < plan.total or (plan.qos and acks.acknowledged < plan.total):
        elapsed = time.monotonic() - start
        if elapsed > plan.deadline_seconds:
            fail(f"{acks.acknowledged} of {plan.total} messages within the time")
        room = min(plan.total - sent, _BLOCK)
        if plan.qos:
            room = min(room, window - sent + acks.acknowledged)
        if plan.rate:
            room = min(room, int(elapsed * plan.rate) - sent)
        if room > 0:
            packets = ring.packets(sent, room)
            count = len(packets) // ring.packet_bytes
            acks.sent(sent, count)
            link.sendall(packets)
            sent += count
        readable, _, _ = select.select([link], [], [], 0 if room > 0 else 0.001)
        if readable:
            data = link.recv(_READ_BYTES)
            if not data:
                fail("the broker closed the connection")
            acks.feed(data)
    emit("result", seconds=time.monotonic() - start, cpu_seconds=time.process_time())


if __name__ == "__main__":
    try:
        publish(Plan(**json.loads(sys.argv[1])))
    except OSError as error:
        fail(str(error))
