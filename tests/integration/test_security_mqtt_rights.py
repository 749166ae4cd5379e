"""What an MQTT broker does not let the bridge do: said, waited for, done when it is allowed."""

import signal

import mqtt5

from mqtt_kafka_bridge.contract.status import BridgeStatus, Reason
from tests.support.broker_script import Script, ScriptedBroker
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts, await_link_trouble
from tests.support.scenario_config import inbound, login, outbound, split
from tests.support.waiting import eventually

USERS = {"tests": "t3sts-s3cret", "plant": "s3cret"}
"""The first one is the tests' own."""
REFUSED = {Reason.QUOTA_EXCEEDED, Reason.MQTT_NOT_AUTHORIZED}
"""What a mapping may show of messages that the broker does not take for now."""


def test_a_refused_subscription_is_told_and_made_when_it_is_allowed(lab: Lab) -> None:
    script = Script(suback=lambda _: [mqtt5.SubAckReasonCode.NOT_AUTHORIZED])
    broker = lab.background.enter(ScriptedBroker(script))
    topic = lab.topic()
    bridge = lab.bridge({"mqtt": {"servers": [broker.url]}, **split(inbound("up", "up/#", topic))})
    bridge.up(ready=False)
    await_link_trouble(bridge, "mqtt", Reason.MQTT_SUBSCRIPTION_REFUSED, "'up/#'", "allow")
    script.suback = Script().suback
    bridge.await_ready(SECONDS)


def test_what_may_not_be_published_waits_with_its_key_and_the_others_flow(lab: Lab) -> None:
    """Reason code 0x87 may pass: nothing is dropped, nothing is committed past it."""

    def all_but_bad(packet: mqtt5.PublishPacket) -> mqtt5.PubAckReasonCode:
        bad = packet.topic == "plant/bad"
        return mqtt5.PubAckReasonCode.NOT_AUTHORIZED if bad else mqtt5.PubAckReasonCode.SUCCESS

    broker = lab.background.enter(ScriptedBroker(Script(puback=all_but_bad)))
    topic = lab.topic("commands")
    bridge = lab.bridge(
        {"mqtt": {"servers": [broker.url]}, **split(outbound("commands", topic, "plant/{key}"))}
    )
    bridge.up()
    for key, value in ((b"bad", b"1"), (b"good", b"2"), (b"bad", b"3"), (b"good", b"4")):
        lab.produce(topic, value, key=key)
    await_counts(bridge, "commands", received=4, forwarded=0, in_flight=4)
    status = bridge.await_status(lambda s: shown(s) & REFUSED, SECONDS, what="that it is refused")
    assert status.ready
    assert lab.kafka.admin.committed(f"local.{lab.name}.commands", topic) == {0: 0}
    broker.script.puback = lambda _: mqtt5.PubAckReasonCode.SUCCESS
    await_counts(bridge, "commands", forwarded=4, dead_lettered=0)
    bridge.await_status(lambda s: not shown(s), SECONDS, what="all is well")
    connection = lab.background.run(broker.connection())
    payloads = [packet.payload for packet in connection.packets(mqtt5.PublishPacket)]
    assert [p for p in payloads if p in {b"2", b"4"}] == [b"2", b"4"]
    assert payloads[-2:] == [b"1", b"3"]


def test_what_mosquitto_does_not_let_us_publish_is_told_and_flows_when_it_is_allowed(
    lab: Lab,
) -> None:
    """Mosquitto 2.0.11 refuses with 0x87 and then closes the connection: others must flow yet."""
    everything = "user tests\ntopic readwrite #\nuser plant\n"
    broker = lab.mosquitto(users=USERS, acl=everything + "topic write plant/good\n")
    topic = lab.topic("commands")
    sink = lab.subscribe("plant/#", at=broker)
    authentication = login("password", "plant", "s3cret", lab.folder / "password")
    mqtt = {"servers": [broker.url], "authentication": authentication}
    bridge = lab.bridge({"mqtt": mqtt, **split(outbound("commands", topic, "plant/{key}"))})
    bridge.up()
    for key, value in ((b"bad", b"1"), (b"good", b"2")):
        lab.produce(topic, value, key=key)
    bridge.await_status(lambda s: shown(s) & REFUSED, SECONDS, what="that it is refused")
    eventually(lambda: sink.received, SECONDS, what="the other key")
    assert lab.kafka.admin.committed(f"local.{lab.name}.commands", topic) == {0: 0}
    broker.write_acl(everything + "topic write plant/#\n")
    broker.send(signal.SIGHUP)
    eventually(lambda: b"1" in {m.payload for m in sink.received}, SECONDS, what="the held one")
    await_counts(bridge, "commands", forwarded=2, dead_lettered=0)


def shown(status: BridgeStatus) -> set[Reason]:
    """Return the reasons of all troubles and risks of the only mapping."""
    (mapping,) = status.mappings
    listed = (mapping.trouble, mapping.mqtt.trouble, mapping.kafka.trouble, *mapping.risks)
    found = {trouble.reason for trouble in listed if trouble}
    return found - {Reason.MIN_INSYNC_REPLICAS}
