"""Links live through silence as long as they may, and no longer."""

from itertools import pairwise

import mqtt5

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.mqtt.session import Options
from tests.support.background import Background
from tests.support.broker_script import ScriptedBroker
from tests.support.link_recorder import Recorder, connected, link_to, proxy_of
from tests.support.waiting import eventually_async

SHORT = Options(client_id="link", keep_alive_seconds=1)


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


async def test_a_half_open_connection_is_given_up_within_three_keep_alives(
    broker: ScriptedBroker, background: Background
) -> None:
    """The network swallows everything; nobody says that the connection is gone."""
    recorder = Recorder()
    proxy = await proxy_of(broker, background)
    link = await link_to(f"mqtt://127.0.0.1:{proxy.port}", recorder, SHORT)
    await link.connect(10)
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
