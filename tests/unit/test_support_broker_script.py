"""The scripted broker follows its script; source and sink keep their promises over lost links."""

import asyncio
from collections.abc import AsyncIterator

import mqtt5
import pytest

from tests.support.broker_script import ScriptedBroker
from tests.support.ledger import Ledger
from tests.support.mqtt_client import RefusedError
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource
from tests.support.numbered import Numbered
from tests.support.waiting import eventually_async


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    """A broker that says yes to everything."""
    async with ScriptedBroker() as one:
        yield one


async def test_what_is_acknowledged_is_in_the_ledger(broker: ScriptedBroker) -> None:
    """And nothing else is: the third message gets a negative answer."""
    codes = iter([0, 0, 0x97])
    broker.script.puback = lambda _: mqtt5.PubAckReasonCode(next(codes))
    ledger = Ledger()
    async with MqttSource(broker.url, "plant/{key}", ledger, keys=["a"]) as source:
        await source.publish(3)
        await source.settled()
        assert source.refused == [(Numbered("a", 2), mqtt5.PubAckReasonCode.QUOTA_EXCEEDED)]
    assert ledger.missing() == [Numbered("a", 0), Numbered("a", 1)]


async def test_a_source_keeps_to_the_receive_maximum(broker: ScriptedBroker) -> None:
    """Nothing is acknowledged: after three it waits."""
    broker.script.connack = lambda _: mqtt5.ConnAckPacket(receive_max=3)
    broker.script.puback = lambda _: None
    async with MqttSource(broker.url, "plant/{key}", Ledger()) as source:
        sending = asyncio.create_task(source.publish(10))
        connection = await broker.connection()
        await connection.expect(mqtt5.PublishPacket, 3)
        await connection.expect(mqtt5.PublishPacket, 3)
        sending.cancel()
    assert len(connection.packets(mqtt5.PublishPacket)) == 3


@pytest.mark.parametrize("session_present", [True, False])
async def test_a_source_sends_again_in_order_after_a_reset(
    broker: ScriptedBroker, *, session_present: bool
) -> None:
    """As duplicates where the session lives on, as new messages where it does not."""
    broker.script.puback = lambda _: None
    ledger = Ledger()
    async with MqttSource(broker.url, "plant/{key}", ledger, keys=["a"]) as source:
        await source.publish(5)
        first = await broker.connection()
        await first.expect(mqtt5.PublishPacket, 5)
        broker.script.puback = lambda _: mqtt5.PubAckReasonCode.SUCCESS
        broker.script.connack = lambda _: mqtt5.ConnAckPacket(session_present=session_present)
        first.reset()
        again = await (await broker.connection(1)).expect(mqtt5.PublishPacket, 5)
        await source.settled()
    assert [p.packet_id for p in again] == [1, 2, 3, 4, 5]
    assert {p.duplicate for p in again} == {session_present}
    assert ledger.safe_count == 5


async def test_a_sink_leaves_out_what_the_broker_repeats(broker: ScriptedBroker) -> None:
    """A redelivery over a lost acknowledgement is not the bridge's duplicate."""
    ledger = Ledger()
    async with MqttSink(broker.url, "plant/#", ledger):
        first = await broker.connection()
        first.publish("plant/a", [Numbered("a", n).payload() for n in (0, 1)])
        await first.expect(mqtt5.PubAckPacket, 2)
        broker.script.connack = lambda _: mqtt5.ConnAckPacket(session_present=True)
        first.close()
        second = await broker.connection(1)
        second.publish("plant/a", [Numbered("a", 1).payload()], first_id=2, duplicate=True)
        second.publish("plant/a", [Numbered("a", 2).payload()], first_id=3)
        await second.expect(mqtt5.PubAckPacket, 2)
    assert ledger.held_count == 3
    assert ledger.duplicates() == 0
    assert second.packets(mqtt5.SubscribePacket) == []


async def test_a_refusal_ends_the_attempt(broker: ScriptedBroker) -> None:
    """A test with a wrong password fails at once, with the broker's word."""
    broker.script.connack = lambda _: mqtt5.ConnAckPacket(
        reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED
    )
    with pytest.raises(RefusedError, match="NOT_AUTHORIZED"):
        async with MqttSink(broker.url, "#"):
            pass


async def test_a_broker_can_close_before_connack_and_later_serve(broker: ScriptedBroker) -> None:
    """The client comes again."""
    broker.script.closes_before_connack = True
    entering = asyncio.create_task(MqttSink(broker.url, "#").__aenter__())
    await eventually_async(lambda: broker.refused_count >= 2, 5)
    broker.script.closes_before_connack = False
    sink = await entering
    assert sink.connections == 1
    await sink.__aexit__(None, None, None)
