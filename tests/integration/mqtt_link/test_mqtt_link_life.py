"""A link's life: what it reads and when, how it lives through silence, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import PassingError
from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.events import Received, Subscribed
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.session import Options, Subscription
from tests.support.broker_script import ScriptedBroker, ScriptedConnection
from tests.support.link_recorder import Recorder, keeping, link_to
from tests.support.proxy import Proxy
from tests.support.waiting import eventually_async

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SHORT = Options(client_id="link", keep_alive_seconds=1)


async def connected(
    broker: ScriptedBroker, recorder: Recorder, options: Options | None = None
) -> tuple[Link, ScriptedConnection]:
    link = await link_to(broker.url, recorder, options)
    await link.connected(10)
    return link, await broker.connection(len(broker.connections) - 1)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    """Listen, for what even a scripted broker would not do; return the address."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


# Keep-alive


async def test_pings_go_out_while_reading_is_held_back_and_their_answers_are_not_missed(
    broker: ScriptedBroker,
) -> None:
    """Held for longer than a silent broker would be borne; then all that waited is read."""
    recorder = Recorder()
    link, connection = await connected(broker, recorder, SHORT)
    link.hold("bytes")
    connection.publish("a", [b"kept back"])
    await connection.expect(mqtt5.PingReqPacket, 5)
    assert recorder.payloads == []
    link.release("bytes")
    assert await recorder.await_payloads(1) == [b"kept back"]
    pings = len(connection.packets(mqtt5.PingReqPacket))
    await connection.expect(mqtt5.PingReqPacket, pings + 2)
    assert recorder.losses == []
    link.abort()


async def test_a_client_that_says_nothing_else_pings_within_each_keep_alive(
    broker: ScriptedBroker,
) -> None:
    link, connection = await connected(broker, Recorder(), SHORT)
    await connection.expect(mqtt5.PingReqPacket, 5)
    times = [r.at for r in connection.received if isinstance(r.packet, mqtt5.PingReqPacket)]
    assert max(later - earlier for earlier, later in pairwise(times)) < 1
    link.abort()


async def test_the_servers_keep_alive_overrides_ours(broker: ScriptedBroker) -> None:
    broker.script.connack = lambda _: mqtt5.ConnAckPacket(server_keep_alive=1)
    link, connection = await connected(broker, Recorder(), Options(client_id="c"))
    await connection.expect(mqtt5.PingReqPacket, 2, within_seconds=3)
    link.abort()


async def test_a_half_open_connection_is_given_up_within_three_keep_alives() -> None:
    """The network swallows everything; nobody says that the connection is gone."""
    recorder = Recorder()
    async with ScriptedBroker() as broker, Proxy(broker.port) as proxy:
        link = await link_to(f"mqtt://127.0.0.1:{proxy.port}", recorder, SHORT)
        await link.connected(10)
        proxy.weather.half_open = True
        await eventually_async(lambda: recorder.losses, 3)
        (error,) = recorder.losses
        assert error.reason is Reason.MQTT_UNREACHABLE
        assert "PINGREQ" in error.message


async def test_a_half_open_connection_is_given_up_when_reading_goes_on(
    broker: ScriptedBroker,
) -> None:
    """Not before: while we do not read, silence proves nothing."""
    broker.script.answers_pings = False
    recorder = Recorder()
    link, connection = await connected(broker, recorder, SHORT)
    link.hold("bytes")
    await connection.expect(mqtt5.PingReqPacket, 4)
    assert recorder.losses == []
    link.release("bytes")
    await eventually_async(lambda: recorder.losses, 3)
    await connection.expect_end()


# Reading


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
        await link.connected(0.1)
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


async def test_one_byte_reads_make_no_difference(broker: ScriptedBroker) -> None:
    recorder = Recorder("a")
    async with Proxy(broker.port) as proxy:
        proxy.weather.slice_bytes = 1
        async with keeping(f"mqtt://127.0.0.1:{proxy.port}", recorder):
            await recorder.await_ups()
            broker.connections[0].publish("a", [b"%d" % n for n in range(100)])
            assert await recorder.await_payloads(100) == [b"%d" % n for n in range(100)]


# SUBACK


async def test_messages_before_suback_are_delivered_and_suback_may_wait_for_their_pubacks(
    broker: ScriptedBroker,
) -> None:
    """A broker of the wild sends SUBACK only after the first acknowledgement of what it resent."""
    broker.script.suback = lambda _: None
    recorder = Recorder(acknowledges=False)
    link, connection = await connected(broker, recorder)
    link.write(link.session.subscribe([Subscription("a", 1)]))
    waiting = asyncio.create_task(link.subscribed(0.05))
    connection.publish("a", [b"1", b"2"])
    await recorder.await_payloads(2)
    assert (await asyncio.wait({waiting}, timeout=0.3))[0] == set()
    link.write(link.session.acknowledge(recorder.packet_ids))
    connection.send(mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)]))
    assert await waiting == Subscribed((1,))
    link.abort()


async def test_suback_may_stand_behind_what_we_do_not_read(broker: ScriptedBroker) -> None:
    link, _ = await connected(broker, Recorder())
    link.hold("bytes")
    link.write(link.session.subscribe([Subscription("a", 1)]))
    waiting = asyncio.create_task(link.subscribed(0.05))
    assert (await asyncio.wait({waiting}, timeout=0.3))[0] == set()
    link.release("bytes")
    assert await waiting == Subscribed((1,))
    link.abort()


async def test_suback_may_stand_behind_messages_on_a_slow_network(broker: ScriptedBroker) -> None:
    """As long as messages come, and are acknowledged one by one, the broker is at it."""
    broker.script.suback = lambda _: None
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    link.write(link.session.subscribe([Subscription("a", 1)]))
    waiting = asyncio.create_task(link.subscribed(0.2))
    for number in range(1, 11):
        connection.publish("a", [b"x"], first_id=number)
        await recorder.await_payloads(number)
        await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    connection.send(mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)]))
    assert await waiting == Subscribed((1,))
    link.abort()


async def test_a_broker_that_sends_no_suback_is_left(broker: ScriptedBroker) -> None:
    broker.script.suback = lambda _: None
    link, _ = await connected(broker, Recorder())
    link.write(link.session.subscribe([Subscription("a", 1)]))
    with pytest.raises(PassingError, match=r"no SUBACK within 0\.1 s"):
        await link.subscribed(0.1)
    link.abort()


# Writing


async def test_a_large_publication_arrives_and_writable_waits_for_the_socket(
    broker: ScriptedBroker,
) -> None:
    recorder = Recorder()
    async with Proxy(broker.port) as proxy:
        link = await link_to(f"mqtt://127.0.0.1:{proxy.port}", recorder)
        await link.connected(10)
        connection = await broker.connection()
        proxy.weather.stalled = True
        publication = Publication("a", bytes(1 << 20), False, None, [])  # noqa: FBT003
        for number in range(24):
            link.write(link.session.outgoing.publish(publication, number, 1))
        writable = asyncio.create_task(link.writable())
        assert (await asyncio.wait({writable}, timeout=0.1))[0] == set()
        proxy.weather.stalled = False
        await writable
        await connection.expect(mqtt5.PublishPacket, 24, within_seconds=30)
        await eventually_async(lambda: recorder.acknowledged_count == 24, 10)
        link.abort()


async def test_who_waits_for_the_socket_goes_on_when_the_link_is_lost() -> None:
    recorder, writers = Recorder(), []

    async def reads_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(mqtt5.ConnAckPacket().write())
        writers.append(writer)

    async with serving(reads_nothing) as url:
        link = await link_to(url, recorder)
        await link.connected(10)
        link.write(bytes(30_000_000))
        writable = asyncio.create_task(link.writable())
        assert (await asyncio.wait({writable}, timeout=0.05))[0] == set()
        writers[0].transport.abort()
        async with asyncio.timeout(10):
            await writable
        await eventually_async(lambda: recorder.losses, 10)
        link.write(b"nothing happens")


# What a broker does wrong


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


# The end


async def test_the_end_is_disconnect_then_half_close_then_the_brokers_end(
    broker: ScriptedBroker,
) -> None:
    """Acknowledgements before it arrive; what comes after the cut is nobody's; no ping follows."""
    recorder = Recorder(acknowledges=False)
    link, connection = await connected(broker, recorder, SHORT)
    link.gap_seconds = 0.001
    connection.publish("a", [b"1", b"2"])
    await recorder.await_payloads(2)
    link.hold("bytes")
    link.cut()
    connection.publish("a", [b"x" * 1000] * 2000, first_id=3)
    link.write(link.session.acknowledge([1, 2]))
    await link.end()
    await connection.expect_end()
    kinds = [type(r.packet) for r in connection.received]
    assert kinds == [mqtt5.PubAckPacket, mqtt5.PubAckPacket, mqtt5.DisconnectPacket]
    assert recorder.payloads == [b"1", b"2"]
    assert recorder.losses == []
    await link.end()
    link.write(b"nothing happens")


async def test_the_end_is_bounded_when_the_broker_does_not_end() -> None:
    """With a keep-alive shorter than that wait: no ping goes out after DISCONNECT."""
    came: list[bytes] = []
    over = asyncio.Event()

    async def stubborn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(mqtt5.ConnAckPacket().write())
        while data := await reader.read(1000):
            came.append(data)
        await over.wait()
        writer.close()

    async with serving(stubborn) as url:
        link = await link_to(url, Recorder(), SHORT)
        await link.connected(10)
        began = asyncio.get_running_loop().time()
        await link.end()
        assert 1.9 < asyncio.get_running_loop().time() - began < 6
        assert came[-1].endswith(mqtt5.DisconnectPacket().write())
        over.set()


async def test_a_link_can_be_ended_before_connack_and_after_it_was_lost(
    broker: ScriptedBroker,
) -> None:
    broker.script.connack = lambda _: None
    early = await link_to(broker.url, Recorder())
    first = await broker.connection()
    await early.end()
    await first.expect_end()
    assert first.received == []
    broker.script.connack = lambda _: mqtt5.ConnAckPacket()
    recorder = Recorder()
    late, connection = await connected(broker, recorder)
    connection.reset()
    await eventually_async(lambda: recorder.losses, 10)
    await late.end()
    assert len(recorder.losses) == 1


async def test_a_bug_in_a_handler_is_no_lost_connection(broker: ScriptedBroker) -> None:
    class Faulty(Recorder):
        def received(self, event: Received) -> None:
            raise ZeroDivisionError(event.packet_ids)

    recorder = Faulty()
    async with keeping(broker.url, recorder) as task:
        await recorder.await_ups()
        asyncio.get_running_loop().set_exception_handler(None)  # it also says so on the log
        broker.connections[0].publish("a", [b"x"])
        await asyncio.wait({task})
    assert isinstance(task.exception(), ZeroDivisionError)
    assert recorder.downs == []
