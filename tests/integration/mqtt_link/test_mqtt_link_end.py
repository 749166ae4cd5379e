"""How links end: so that nothing comes again, and so that no bug is hidden."""

import asyncio

import mqtt5
import pytest

from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt.events import Received
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.mqtt.session import Options
from tests.support.broker_script import ScriptedBroker
from tests.support.link_recorder import Recorder, connected, keeping, link_to, serving
from tests.support.waiting import eventually_async

SHORT = Options(client_id="link", keep_alive_seconds=1)


async def test_after_the_cut_messages_are_read_and_thrown_away(broker: ScriptedBroker) -> None:
    """Unacknowledged: the broker keeps them for the next owner of the session."""
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    link.cut()
    connection.publish("a", [b"x"] * 3)
    await eventually_async(lambda: link.session.unacknowledged == 3, 10)
    assert recorder.payloads == []
    await link.end()
    await connection.expect_end()
    assert connection.packets(mqtt5.PubAckPacket) == []


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
        await link.connect(10)
        began = asyncio.get_running_loop().time()
        await link.end()
        assert 1.9 < asyncio.get_running_loop().time() - began < 6
        assert came[-1].endswith(mqtt5.DisconnectPacket().write())
        over.set()


async def test_who_is_cancelled_or_comes_second_does_not_cut_the_end_short() -> None:
    """Else what was written last, acknowledgements and DISCONNECT, might never leave."""
    ended, over = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(mqtt5.ConnAckPacket().write())
        while await reader.read(1000):
            pass
        ended.set()
        await over.wait()
        writer.close()

    async with serving(slow) as url:
        link = await link_to(url, Recorder(), SHORT)
        await link.connect(10)
        first, second = (asyncio.create_task(link.end()) for _ in range(2))
        await ended.wait()
        first.cancel()
        await asyncio.wait({first})
        cut_short, _ = await asyncio.wait({second}, timeout=0.1)
        began = asyncio.get_running_loop().time()
        over.set()
        await second
        assert asyncio.get_running_loop().time() - began < 1
        assert not cut_short


async def test_a_link_can_be_ended_before_connect_and_before_connack_and_after_it_was_lost(
    broker: ScriptedBroker,
) -> None:
    broker.script.connack = lambda _: None
    unused = await link_to(broker.url, Recorder())
    await unused.end()
    early = await link_to(broker.url, Recorder())
    connecting = asyncio.create_task(early.connect(10))
    first = await broker.connection()
    await early.end()
    await first.expect_end()
    assert first.received == []
    assert len(broker.connections) == 1
    connecting.cancel()
    broker.script.connack = lambda _: mqtt5.ConnAckPacket()
    recorder = Recorder()
    late, connection = await connected(broker, recorder)
    connection.reset()
    await eventually_async(lambda: recorder.losses, 10)
    await late.end()
    assert len(recorder.losses) == 1


async def test_a_link_that_never_had_a_transport_can_be_ended() -> None:
    link = Link(SHORT, "nowhere:1883", Recorder(), ReadBuffer())
    link.hold("bytes")
    link.write(b"nothing happens")
    await link.end()


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


async def test_a_bug_while_an_answer_is_awaited_ends_the_wait(broker: ScriptedBroker) -> None:
    class Faulty(Recorder):
        def received(self, event: Received) -> None:
            raise ZeroDivisionError(event.packet_ids)

    broker.script.suback = lambda _: None
    async with keeping(broker.url, Faulty("a")) as task:
        connection = await broker.connection()
        await connection.expect(mqtt5.SubscribePacket)
        asyncio.get_running_loop().set_exception_handler(None)
        connection.publish("a", [b"x"])
        await asyncio.wait({task}, timeout=5)
    assert isinstance(task.exception(), ZeroDivisionError)


async def test_a_bug_in_what_hears_of_the_loss_is_left_to_the_log(
    broker: ScriptedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(Recorder):
        def lost(self, error: BridgeError) -> None:
            raise ZeroDivisionError(error.message)

    link, connection = await connected(broker, Faulty())
    asyncio.get_running_loop().set_exception_handler(None)
    connection.send(mqtt5.DisconnectPacket())
    async with asyncio.timeout(10):
        await link.ended
    await connection.expect_end()
    await eventually_async(lambda: "ZeroDivisionError" in caplog.text, 10)
