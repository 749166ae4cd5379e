"""What a link reads, when, and in which pieces; and what it writes meanwhile."""

import asyncio

import mqtt5
import pytest

from mqtt_kafka_bridge.errors import PassingError
from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.session import Options
from tests.support.background import Background
from tests.support.broker_script import ScriptedBroker, ScriptedConnection
from tests.support.link_recorder import Recorder, connected, keeping, link_to, proxy_of, serving
from tests.support.waiting import eventually_async


async def test_causes_to_hold_back_are_independent(broker: ScriptedBroker) -> None:
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    for cause in ("bytes", "gap", "bytes"):
        link.hold(cause)
    connection.publish("a", [b"x"])
    link.release("gap")
    link.release("never held")
    await connection_silence(connection)
    assert recorder.payloads == []
    link.release("bytes")
    await recorder.await_payloads(1)
    link.abort()


async def connection_silence(connection: ScriptedConnection) -> None:
    """Wait for as long as a round trip takes, some times over."""
    await connection.drain()
    for _ in range(20):
        await asyncio.sleep(0.002)


async def test_connack_is_read_though_reading_is_held_from_the_start(
    broker: ScriptedBroker,
) -> None:
    class Holding(Recorder):
        def opened(self, link: Link, server: str) -> None:
            super().opened(link, server)
            link.hold("bytes")

    recorder = Holding("a")
    async with keeping(broker.url, recorder):
        connection = await broker.connection()
        await connection.expect(mqtt5.SubscribePacket)
        connection.publish("a", [b"x"])
        await connection_silence(connection)
        assert recorder.payloads == []
        recorder.links[0].release("bytes")
        await recorder.await_ups()
        await recorder.await_payloads(1)


async def test_without_connack_a_held_link_gives_up_all_the_same(broker: ScriptedBroker) -> None:
    broker.script.connack = lambda _: None
    link = await link_to(broker.url, Recorder())
    link.hold("bytes")
    with pytest.raises(PassingError, match=r"no CONNACK within 0\.1 s"):
        await link.connect(0.1)
    link.abort()


async def test_spaced_reads_lose_nothing_and_do_not_stall(broker: ScriptedBroker) -> None:
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    link.gap_seconds = 0.002
    expected = [b"%d" % n for n in range(20_000)]
    for start in range(0, len(expected), 100):
        batch = expected[start : start + 100]
        connection.publish("a", batch, first_id=1 + start)
        await connection.drain()
    assert await recorder.await_payloads(len(expected)) == expected
    await connection.expect(mqtt5.PubAckPacket, len(expected))
    acknowledged = [packet.packet_id for packet in connection.packets(mqtt5.PubAckPacket)]
    assert acknowledged == recorder.packet_ids
    link.abort()


@pytest.mark.parametrize("size", [262_130, 262_144, 300_000, 1_000_000])
async def test_packets_larger_than_the_read_buffer_arrive_whole(
    broker: ScriptedBroker, size: int
) -> None:
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    connection.publish("a", [b"before", b"x" * size, b"after"])
    payloads = await recorder.await_payloads(3)
    assert list(map(len, payloads)) == [6, size, 5]
    link.abort()


async def test_one_byte_reads_make_no_difference(
    broker: ScriptedBroker, background: Background
) -> None:
    recorder = Recorder("a")
    proxy = await proxy_of(broker, background)
    proxy.weather.slice_bytes = 1
    async with keeping(f"mqtt://127.0.0.1:{proxy.port}", recorder):
        await recorder.await_ups()
        broker.connections[0].publish("a", [b"%d" % n for n in range(100)])
        assert await recorder.await_payloads(100) == [b"%d" % n for n in range(100)]


async def test_a_large_publication_arrives_and_writable_waits_for_the_socket(
    broker: ScriptedBroker, background: Background
) -> None:
    recorder = Recorder()
    proxy = await proxy_of(broker, background)
    link = await link_to(f"mqtt://127.0.0.1:{proxy.port}", recorder)
    await link.connect(10)
    connection = await broker.connection()
    proxy.weather.stalled = True
    publication = Publication("a", bytes(1 << 20), False, None, [])  # noqa: FBT003
    for number in range(48):
        link.write(link.session.outgoing.publish(publication, number, 1))
    writable = asyncio.create_task(link.writable())
    assert (await asyncio.wait({writable}, timeout=0.1))[0] == set()
    proxy.weather.stalled = False
    await writable
    await connection.expect(mqtt5.PublishPacket, 48, within_seconds=30)
    await eventually_async(lambda: recorder.acknowledged_count == 48, 10)
    link.abort()


async def test_who_waits_for_the_socket_goes_on_when_the_link_is_lost() -> None:
    recorder, writers = Recorder(), []

    async def reads_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(mqtt5.ConnAckPacket().write())
        writers.append(writer)

    async with serving(reads_nothing) as url:
        link = await link_to(url, recorder)
        await link.connect(10)
        link.write(bytes(30_000_000))
        writable = asyncio.create_task(link.writable())
        assert (await asyncio.wait({writable}, timeout=0.05))[0] == set()
        writers[0].transport.abort()
        async with asyncio.timeout(10):
            await writable
        await eventually_async(lambda: recorder.losses, 10)
        link.write(b"nothing happens")


async def test_of_a_broker_above_our_receive_maximum_no_more_is_read_until_we_acknowledge(
    broker: ScriptedBroker,
) -> None:
    """To throw it out would not help: it would send the same again."""
    recorder = Recorder(acknowledges=False)
    options = Options(client_id="c", receive_maximum=3)
    link, connection = await connected(broker, recorder, options)
    connection.publish("a", [b"x"] * 4)
    await recorder.await_payloads(4)
    connection.publish("a", [b"x"] * 4, first_id=5)
    await connection_silence(connection)
    assert len(recorder.payloads) == 4
    link.write(link.session.acknowledge([1, 2]))
    await recorder.await_payloads(8)
    assert recorder.losses == []
    link.abort()


async def test_a_packet_above_our_maximum_is_refused_before_it_is_read(
    broker: ScriptedBroker,
) -> None:
    recorder = Recorder()
    options = Options(client_id="c", maximum_packet_size=500_000)
    _, connection = await connected(broker, recorder, options)
    connection.publish("a", [b"small", bytes(600_000)])
    (disconnect,) = await connection.expect(mqtt5.DisconnectPacket)
    assert int(disconnect.reason_code) == 0x95
    assert recorder.payloads == [b"small"]
    assert "mqtt.maximumPacketSize" in recorder.losses[0].cure


async def test_garbage_ends_the_link_with_the_word_malformed(broker: ScriptedBroker) -> None:
    recorder = Recorder()
    _, connection = await connected(broker, recorder)
    connection.send_bytes(b"\x00" * 1000)
    (disconnect,) = await connection.expect(mqtt5.DisconnectPacket)
    assert int(disconnect.reason_code) == 0x81
    await eventually_async(lambda: recorder.losses, 10)
