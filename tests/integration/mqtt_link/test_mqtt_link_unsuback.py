"""UNSUBACK: waited for, refused, or never sent; the connection goes on."""

import asyncio

import mqtt5
import pytest

from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.mqtt.link import Link
from tests.support.broker_script import ScriptedBroker
from tests.support.link_recorder import Recorder, connected


def unsubscribe(link: Link) -> None:
    link.write(link.session.unsubscribe(["a", "b"]))


async def test_an_unsubscribe_is_answered(broker: ScriptedBroker) -> None:
    link, connection = await connected(broker, Recorder())
    unsubscribe(link)
    await link.unsubscribed(10)
    (packet,) = connection.packets(mqtt5.UnsubscribePacket)
    assert packet.patterns == ["a", "b"]
    await link.end()


async def test_a_refusal_is_raised_and_the_connection_goes_on(broker: ScriptedBroker) -> None:
    codes = [mqtt5.UnsubAckReasonCode.SUCCESS, mqtt5.UnsubAckReasonCode.NOT_AUTHORIZED]
    broker.script.unsuback = lambda _: codes
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    unsubscribe(link)
    with pytest.raises(MustFixError, match="'b', reason code 0x87"):
        await link.unsubscribed(10)
    connection.publish("b", [b"x"])
    await recorder.await_payloads(1)
    await link.end()
    assert recorder.losses == []


async def test_without_an_answer_it_can_be_asked_again(broker: ScriptedBroker) -> None:
    """The late answer to the first request is as good."""
    broker.script.unsuback = lambda _: None
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    unsubscribe(link)
    with pytest.raises(PassingError, match=r"no UNSUBACK within 0\.1 s"):
        await link.unsubscribed(0.1)
    unsubscribe(link)
    waiting = asyncio.create_task(link.unsubscribed(10))
    first, _ = await connection.expect(mqtt5.UnsubscribePacket, 2)
    connection.send(mqtt5.UnsubAckPacket(first.packet_id, [mqtt5.UnsubAckReasonCode.SUCCESS] * 2))
    await waiting
    await link.end()
    assert recorder.losses == []


async def test_it_may_stand_behind_what_we_do_not_read(broker: ScriptedBroker) -> None:
    link, _ = await connected(broker, Recorder())
    link.hold("bytes")
    unsubscribe(link)
    waiting = asyncio.create_task(link.unsubscribed(0.2))
    assert (await asyncio.wait({waiting}, timeout=0.5))[0] == set()
    link.release("bytes")
    await waiting
    link.abort()


async def test_of_a_loss_hears_who_waits_and_the_flow_too(broker: ScriptedBroker) -> None:
    """Unlike when a link is opened, the flow is using it."""
    broker.script.unsuback = lambda _: None
    recorder = Recorder()
    link, connection = await connected(broker, recorder)
    unsubscribe(link)
    waiting = asyncio.create_task(link.unsubscribed(10))
    await connection.expect(mqtt5.UnsubscribePacket)
    connection.reset()
    with pytest.raises(BridgeError) as caught:
        await waiting
    assert recorder.losses == [caught.value]
