"""HiveMQ does what the tests rely on, and what makes it another broker than Mosquitto is seen."""

from collections.abc import Iterator
from ipaddress import ip_address

import mqtt5
import psutil
import pytest

from tests.support.background import Background
from tests.support.hivemq import HiveMQ, HiveMQOptions
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_client import MqttClient
from tests.support.mqtt_publisher import Publisher
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource
from tests.support.waiting import eventually, throughout
from tools.components import hivemq as component

MqttBroker = Mosquitto | HiveMQ
WINDOW = 5
QUEUE = 10
QUIET_SECONDS = 1


class Waiter(MqttSink):
    """A subscriber that acknowledges nothing until it is told to."""

    waits = True

    def on_packet(self, packet: mqtt5.Packet) -> None:
        """Take a message; acknowledge it only if we do not wait."""
        if self.waits and isinstance(packet, mqtt5.PublishPacket):
            self.received.append(packet)
        else:
            super().on_packet(packet)

    async def go_on(self) -> None:
        """Acknowledge what came, and from now on all at once."""
        self.waits = False
        for packet in self.received:
            assert packet.packet_id
            self.write(mqtt5.PubAckPacket(packet.packet_id).write())


class Rude(MqttClient):
    """A publisher that heeds no Receive Maximum."""

    connack: mqtt5.ConnAckPacket
    farewell: mqtt5.DisconnectPacket | None = None

    def on_connected(self, answer: mqtt5.ConnAckPacket) -> None:
        """Keep what the broker announces."""
        self.connack = answer

    def on_packet(self, packet: mqtt5.Packet) -> None:
        """Keep the broker's last word."""
        if isinstance(packet, mqtt5.DisconnectPacket):
            self.farewell = packet

    async def flood(self, count: int) -> None:
        """Publish all in one write."""
        messages = (
            mqtt5.PublishPacket("plant/flood", b"x", qos=mqtt5.QoS(1), packet_id=n)
            for n in range(1, count + 1)
        )
        self.write(b"".join(message.write() for message in messages))
        await self.drain()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HiveMQ]:
    """One with low limits, for the tests of this module."""
    options = HiveMQOptions(
        receive_maximum=WINDOW,
        max_queued_messages=QUEUE,
        session_expiry_seconds=60,
        max_packet_bytes=100_000,
        max_qos=1,
        wildcards=False,
        shared_subscriptions=False,
    )
    broker = HiveMQ(tmp_path_factory.mktemp("strict-hivemq"), options)
    try:
        broker.up()
        yield broker
    finally:
        broker.kill()


def test_the_version_that_we_name_is_the_one_that_we_install() -> None:
    assert f"<version>{component.VERSION}</version>" in component.RECIPE.read_text()


def test_messages_pass_hivemq_once_and_in_order(
    hivemq: HiveMQ, background: Background, unique: str
) -> None:
    ledger = Ledger()
    background.enter(MqttSink(hivemq.url, f"{unique}/#", ledger))
    source = background.enter(MqttSource(hivemq.url, f"{unique}/{{key}}", ledger))
    background.run(source.publish(5000))
    background.run(source.settled())
    ledger.await_complete(20)
    ledger.check()
    assert ledger.safe_count == 5000


def test_hivemq_sends_nothing_more_while_a_message_is_unacknowledged(
    hivemq: HiveMQ, background: Background, unique: str
) -> None:
    """Mosquitto would send all of them; the client's Receive Maximum is 65,535."""
    waiter = background.enter(Waiter(hivemq.url, unique))
    publisher = background.enter(Publisher(hivemq.url))
    background.run(publisher.publish(unique, b"first", 1))
    eventually(lambda: waiter.received, 10, what="the first message")
    for number in range(20):
        background.run(publisher.publish(unique, b"%d" % number, 1))
    throughout(lambda: len(waiter.received) == 1, QUIET_SECONDS, what="one message")
    background.run(waiter.go_on())
    eventually(lambda: len(waiter.received) == 21, 10, what=lambda: f"{len(waiter.received)}")
    assert [m.payload for m in waiter.received[1:]] == [b"%d" % number for number in range(20)]


def test_members_of_a_share_get_each_message_once_between_them(
    hivemq: HiveMQ, background: Background, unique: str
) -> None:
    """When they keep up: of a backlog, whoever comes first gets all."""
    ledger = Ledger()
    members = [
        background.enter(MqttSink(hivemq.url, f"$share/group/{unique}/#", ledger)) for _ in range(2)
    ]
    source = background.enter(MqttSource(hivemq.url, f"{unique}/{{key}}", ledger))
    background.run(source.publish(400, per_second=400))
    background.run(source.settled())
    ledger.await_complete(20)
    assert ledger.duplicates() == 0
    assert all(member.received for member in members)


@pytest.mark.parametrize("mqtt_broker", ["mosquitto", "hivemq"], indirect=True)
def test_a_broker_that_is_killed_keeps_its_sessions_and_loses_nothing(
    mqtt_broker: MqttBroker, background: Background
) -> None:
    ledger = Ledger()
    sink = background.enter(MqttSink(mqtt_broker.url, "plant/#", ledger))
    source = background.enter(MqttSource(mqtt_broker.url, "plant/{key}", ledger, window=200))
    flow = background.begin(source.publish(500, per_second=500))
    eventually(lambda: ledger.held_count > 100, 20, what="messages flow")
    mqtt_broker.kill()
    mqtt_broker.up()
    flow.result(30)
    background.run(source.settled())
    ledger.await_complete(20)
    ledger.check(duplicates_at_most=200)
    assert sink.connections == source.connections == 2


def test_hivemq_announces_its_limits(strict: HiveMQ, background: Background) -> None:
    announced = background.enter(Rude(strict.url, "limits")).connack
    assert (announced.receive_max, announced.max_packet_size) == (WINDOW, 100_000)
    assert announced.session_expiry_interval == 60
    assert (int(announced.max_qos), announced.wildcard_subscription_available) == (1, False)
    assert announced.shared_subscription_available is False


def test_who_exceeds_hivemqs_window_is_thrown_out(strict: HiveMQ, background: Background) -> None:
    rude = background.enter(Rude(strict.url, "rude"))
    background.run(rude.flood(20 * WINDOW))
    farewell = eventually(lambda: rude.farewell, 10, what="its last word")
    assert farewell is not None
    assert int(farewell.reason_code) == 0x93
    eventually(lambda: rude.connections > 1, 10, what="the next connection")


def test_hivemq_throws_away_what_its_queue_has_no_room_for(
    strict: HiveMQ, background: Background, unique: str
) -> None:
    waiter = background.enter(Waiter(strict.url, unique))
    publisher = background.enter(Publisher(strict.url))
    for number in range(3 * QUEUE):
        background.run(publisher.publish(unique, b"%d" % number, 1))
    background.run(waiter.go_on())
    eventually(lambda: len(waiter.received) >= QUEUE, 10, what="what the queue held")
    throughout(lambda: len(waiter.received) <= QUEUE + 1, QUIET_SECONDS)


def test_hivemq_talks_to_nobody_but_over_the_loopback_interface(hivemq: HiveMQ) -> None:
    connections = psutil.Process(hivemq.pid).net_connections()
    assert hivemq.port in {connection.laddr.port for connection in connections}
    ends = [end for c in connections for end in (c.laddr, c.raddr) if end]
    assert all(_is_loopback(end.ip) for end in ends), ends


def _is_loopback(text: str) -> bool:
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)  # Java has sockets of IPv6 for both
    return (mapped or address).is_loopback
