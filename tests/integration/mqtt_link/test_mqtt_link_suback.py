"""SUBACK may come late; it is waited for while there is a reason to."""

import asyncio

import mqtt5
import pytest

from mqtt_kafka_bridge.errors import PassingError
from mqtt_kafka_bridge.mqtt.events import Subscribed
from mqtt_kafka_bridge.mqtt.subscribing import Subscription
from tests.support.broker_script import ScriptedBroker
from tests.support.link_recorder import Recorder, connected


async def test_messages_before_suback_are_delivered_and_suback_may_wait_for_their_pubacks(
    broker: ScriptedBroker,
) -> None:
    """A broker of the wild sends SUBACK only after the first acknowledgement of what it resent."""
    broker.script.suback = lambda _: None
    recorder = Recorder(acknowledges=False)
    link, connection = await connected(broker, recorder)
    link.write(link.session.subscribe([Subscription("a", 1)]))
    waiting = asyncio.create_task(link.subscribed(0.2))
    connection.publish("a", [b"1", b"2"])
    await recorder.await_payloads(2)
    assert (await asyncio.wait({waiting}, timeout=0.5))[0] == set()
    link.write(link.session.acknowledge(recorder.packet_ids))
    connection.send(mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)]))
    assert await waiting == Subscribed((1,))
    link.abort()


async def test_suback_may_stand_behind_what_we_do_not_read(broker: ScriptedBroker) -> None:
    link, _ = await connected(broker, Recorder())
    link.hold("bytes")
    link.write(link.session.subscribe([Subscription("a", 1)]))
    waiting = asyncio.create_task(link.subscribed(0.2))
    assert (await asyncio.wait({waiting}, timeout=0.5))[0] == set()
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
