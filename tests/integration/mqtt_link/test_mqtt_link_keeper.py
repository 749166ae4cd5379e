"""A keeper comes again, whatever ended the connection, and neither too late nor too often."""

import asyncio
from pathlib import Path

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.mqtt.events import Connected
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.session import Options
from tests.support.broker_script import ScriptedBroker, ScriptedConnection
from tests.support.link_recorder import Recorder, keeping, link_to
from tests.support.ports import free_port
from tests.support.waiting import eventually_async


def refusing(code: int) -> mqtt5.ConnAckPacket:
    return mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode(code))


def throw_out(connection: ScriptedConnection) -> None:
    code = mqtt5.DisconnectReasonCode.ADMINISTRATIVE_ACTION
    connection.send(mqtt5.DisconnectPacket(reason_code=code))


# Lost, and back


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_after_rst_or_fin_it_connects_again_each_time(
    broker: ScriptedBroker, how: str
) -> None:
    recorder = Recorder("a")
    async with keeping(broker.url, recorder) as task:
        for round_number in (1, 2):
            await recorder.await_ups(round_number)
            getattr(broker.connections[-1], how)()
            await recorder.await_down(round_number)
        await recorder.await_ups(3)
        broker.connections[-1].publish("a", [b"x"])
        await recorder.await_payloads(1)
        assert not task.done()
    assert {error.reason for error in recorder.downs} == {Reason.MQTT_DISCONNECTED}
    assert recorder.losses == recorder.downs


async def test_fin_before_connack_does_not_stop_it(broker: ScriptedBroker) -> None:
    broker.script.closes_before_connack = True
    recorder = Recorder("a")
    async with keeping(broker.url, recorder):
        await eventually_async(lambda: broker.refused_count >= 3, 10)
        broker.script.closes_before_connack = False
        await recorder.await_ups()
    assert recorder.losses == []


async def test_connack_and_disconnect_in_one_read_leave_no_dead_link(
    broker: ScriptedBroker,
) -> None:
    """A publisher asks nothing after CONNACK, and would wait for ever."""
    broker.script.connack = lambda _: None
    recorder = Recorder()
    async with keeping(broker.url, recorder):
        code = mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN
        first = await broker.connection()
        broker.script.connack = lambda _: mqtt5.ConnAckPacket()
        first.send(mqtt5.ConnAckPacket(), mqtt5.DisconnectPacket(reason_code=code))
        assert (await recorder.await_down()).reason is Reason.MQTT_DISCONNECTED
        await recorder.await_ups(1)
        assert len(broker.connections) == 2


async def test_a_broker_that_comes_back_is_used_soon() -> None:
    """However long it was away: the delay has a bound."""
    broker, recorder = ScriptedBroker(port=free_port()), Recorder("a")
    async with keeping(f"mqtt://127.0.0.1:{broker.port}", recorder):
        error = await recorder.await_down(3)
        assert error.reason is Reason.MQTT_UNREACHABLE
        assert "nothing listens on this port" in error.message
        async with broker:
            await recorder.await_ups(1, within_seconds=10)


async def test_a_broker_that_throws_us_out_again_and_again_sees_us_less_and_less(
    broker: ScriptedBroker,
) -> None:
    """A connection that lived shortly is no success: the back-off goes on."""
    recorder = Recorder()
    loop, times = asyncio.get_running_loop(), []
    async with keeping(broker.url, recorder):
        for number in range(6):
            connection = await broker.connection(number)
            times.append(loop.time())
            await recorder.await_ups(number + 1)
            throw_out(connection)
    assert times[-1] - times[-2] > 4 * (times[1] - times[0]) > 0.4


async def test_after_a_steady_connection_the_first_retry_is_quick(
    broker: ScriptedBroker,
) -> None:
    recorder = Recorder()
    loop = asyncio.get_running_loop()
    async with keeping(broker.url, recorder, steady_seconds=0.05):
        for number in range(8):
            connection = await broker.connection(number)
            await recorder.await_ups(number + 1)
            await asyncio.sleep(0.1)
            throw_out(connection)
            lost_at = loop.time()
            await broker.connection(number + 1)
            assert loop.time() - lost_at < 1


# Refused


@pytest.mark.parametrize(
    ("code", "reason", "family"),
    [
        (0x84, Reason.MQTT_REFUSED, MustFixError),
        (0x86, Reason.MQTT_BAD_CREDENTIALS, MustFixError),
        (0x87, Reason.MQTT_NOT_AUTHORIZED, MustFixError),
        (0x88, Reason.MQTT_REFUSED, PassingError),
    ],
)
async def test_a_refusal_is_told_and_tried_again(
    broker: ScriptedBroker, code: int, reason: Reason, family: type[BridgeError]
) -> None:
    broker.script.connack = lambda _: refusing(code)
    recorder = Recorder()
    async with keeping(broker.url, recorder):
        error = await recorder.await_down()
        assert error.reason is reason
        assert isinstance(error, family)
        broker.script.connack = lambda _: refusing(0)
        await recorder.await_ups()


async def test_a_refused_subscription_says_good_bye_and_is_tried_again(
    broker: ScriptedBroker,
) -> None:
    broker.script.suback = lambda _: [mqtt5.SubAckReasonCode.NOT_AUTHORIZED]
    recorder = Recorder("secret/#")
    async with keeping(broker.url, recorder):
        error = await recorder.await_down()
        assert error.reason is Reason.MQTT_SUBSCRIPTION_REFUSED
        (goodbye,) = await broker.connections[0].expect(mqtt5.DisconnectPacket)
        assert int(goodbye.reason_code) == 0
        broker.script.suback = lambda _: [mqtt5.SubAckReasonCode(1)]
        await recorder.await_ups()
    assert recorder.losses == []


async def test_a_link_that_its_flow_can_t_use_is_closed_and_tried_again(
    broker: ScriptedBroker,
) -> None:
    class Choosy(Recorder):
        async def up(self, link: Link, connected: Connected, server: str) -> None:
            if not connected.limits.retain_available:
                raise MustFixError(Reason.MQTT_REFUSED, "no retained messages")
            await super().up(link, connected, server)

    broker.script.connack = lambda _: mqtt5.ConnAckPacket(retain_available=False)
    recorder = Choosy()
    async with keeping(broker.url, recorder):
        assert (await recorder.await_down()).message == "no retained messages"
        await broker.connections[0].expect_end()
        broker.script.connack = lambda _: mqtt5.ConnAckPacket()
        await recorder.await_ups()


async def test_who_was_taken_over_comes_back_but_does_not_push_back_for_ever(
    broker: ScriptedBroker,
) -> None:
    recorder = Recorder()
    async with keeping(broker.url, recorder):
        for round_number in (1, 2, 3):
            await recorder.await_ups(round_number)
            code = mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
            broker.connections[-1].send(mqtt5.DisconnectPacket(reason_code=code))
            error = await recorder.await_down(round_number)
            last = round_number == 3
            assert error.reason is (Reason.IDENTITY_CONFLICT if last else Reason.MQTT_TAKEN_OVER)
            assert "mqtt.clientIdPrefix" in error.cure
        await asyncio.sleep(1)
        assert len(broker.connections) == 3


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_whose_connections_end_again_and_again_without_a_reason_has_a_rival(
    broker: ScriptedBroker, how: str
) -> None:
    recorder = Recorder("a")
    async with keeping(broker.url, recorder, Options(client_id="mine")):
        for round_number in (1, 2, 3):
            await recorder.await_ups(round_number)
            getattr(broker.connections[-1], how)()
        error = await recorder.await_down(3)
        assert error.reason is Reason.IDENTITY_CONFLICT
        assert "'mine'" in error.message
        await asyncio.sleep(1)
        assert len(broker.connections) == 3


# Where to, and as whom


async def test_the_next_server_is_tried_when_one_is_down(broker: ScriptedBroker) -> None:
    recorder = Recorder()
    dead = f"mqtt://127.0.0.1:{free_port()}"
    async with keeping([dead, broker.url], recorder):
        await recorder.await_ups(1, within_seconds=2)
    assert recorder.servers[-1].endswith(f":{broker.port}")
    assert recorder.downs[0].reason is Reason.MQTT_UNREACHABLE


async def test_when_a_server_goes_down_another_one_takes_over(broker: ScriptedBroker) -> None:
    recorder = Recorder("a")
    async with ScriptedBroker() as other, keeping([broker.url, other.url], recorder):
        await recorder.await_ups(1)
        assert len(broker.connections) == 1
        broker.script.closes_before_connack = True
        broker.connections[0].reset()
        await recorder.await_ups(2, within_seconds=3)
        assert len(other.connections) == 1


async def test_a_new_password_is_used_at_the_next_connect(
    broker: ScriptedBroker, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("old\n")
    login = {"type": "password", "username": "plant", "passwordFile": str(file)}
    broker.script.connack = lambda packet: refusing(0 if packet.password == b"new" else 0x86)
    recorder = Recorder()
    async with keeping(broker.url, recorder, authentication=login):
        error = await recorder.await_down()
        assert error.reason is Reason.MQTT_BAD_CREDENTIALS
        assert "old" not in error.message + error.cure
        file.write_text("new\n")
        await recorder.await_ups()
    passwords = [connection.connect.password for connection in broker.connections]
    assert passwords[0] == b"old"
    assert passwords[-1] == b"new"
    assert broker.connections[-1].connect.username == "plant"


async def test_a_missing_password_file_is_told_and_waited_for(
    broker: ScriptedBroker, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    login = {"type": "password", "username": "plant", "passwordFile": str(file)}
    recorder = Recorder()
    async with keeping(broker.url, recorder, authentication=login):
        assert (await recorder.await_down()).reason is Reason.SECRET_UNREADABLE
        file.write_text("there it is")
        await recorder.await_ups()


@pytest.mark.parametrize("host", ["no..where", "x" * 70])
async def test_a_name_that_is_none_is_a_trouble_and_no_crash(host: str) -> None:
    recorder = Recorder()
    async with keeping(f"mqtt://{host}:1883", recorder) as task:
        error = await recorder.await_down()
        assert isinstance(error, MustFixError)
        assert error.reason is Reason.MQTT_UNREACHABLE
        assert "mqtt.servers" in error.cure
        assert not task.done()


async def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(PassingError, match="name can't be resolved"):
        await link_to("mqtt://broker.invalid:1883", Recorder())


# Its own end


async def test_it_can_be_cancelled_at_any_time(broker: ScriptedBroker) -> None:
    """While it dials, waits for CONNACK or SUBACK, is up, or waits to try again."""
    broker.script.connack = lambda _: None
    async with keeping(broker.url, Recorder()):
        pass
    async with keeping(broker.url, Recorder()):
        await broker.connection(0)
    broker.script.connack = lambda _: mqtt5.ConnAckPacket()
    broker.script.suback = lambda _: None
    async with keeping(broker.url, Recorder("a")):
        await (await broker.connection(1)).expect(mqtt5.SubscribePacket)
    recorder = Recorder()
    async with keeping(broker.url, recorder, Options(client_id="c", keep_alive_seconds=1)):
        await recorder.await_ups()
    async with keeping(f"mqtt://127.0.0.1:{free_port()}", recorder):
        await recorder.await_down()
    for connection in broker.connections:
        await connection.expect_end()
    assert recorder.losses == []


async def test_a_link_that_was_ended_is_not_replaced(broker: ScriptedBroker) -> None:
    """Whoever ends it does so on purpose; the keeper waits until it is cancelled."""
    recorder = Recorder("a")
    async with keeping(broker.url, recorder) as task:
        link = await recorder.await_ups()
        await link.end()
        assert (await asyncio.wait({task}, timeout=0.5))[0] == set()
    assert len(broker.connections) == 1
    assert recorder.downs == []
