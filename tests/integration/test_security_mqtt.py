"""Logging in to the MQTT broker, and everything that can be wrong with it, until it is cured."""

import shutil
import signal
from pathlib import Path
from typing import Any

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import BridgeStatus, Reason
from tests.support.bridge import Bridge
from tests.support.broker_script import Script, ScriptedBroker
from tests.support.certificates import Authority
from tests.support.mosquitto import Mosquitto
from tests.support.ports import free_port
from tests.support.scenario import Lab
from tests.support.scenario_checks import (
    SECONDS,
    await_counts,
    await_link_trouble,
    check_no_secret,
)
from tests.support.scenario_config import inbound, outbound, split
from tests.support.waiting import eventually

RIGHT, WRONG = "r1ght-s3cret", "wr0ng-s3cret"
TESTS = ("tests", "t3sts-s3cret")
USERS = {TESTS[0]: TESTS[1], "plant": RIGHT}


class Site:
    """A mapping each way, and whether messages come through both."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.up, self.down = lab.topic("up"), lab.topic("down")
        self.count = 0

    def bridge(self, **mqtt: object) -> Bridge:
        """Start a bridge that need not become ready."""
        mappings = split(inbound("up", "up/#", self.up), outbound("down", self.down, "down/{key}"))
        bridge = self.lab.bridge({"mqtt": mqtt, **mappings})
        bridge.up(ready=False)
        return bridge

    def check_flows(self, bridge: Bridge, broker: Mosquitto) -> None:
        """Check that the bridge is ready, and that a message each way comes through."""
        bridge.await_ready(SECONDS)
        self.count += 1
        self.lab.publish("up/1", to=broker)
        self.lab.records(self.up, self.count)
        before = await_counts(bridge, "down", in_flight=0).forwarded
        self.lab.produce(self.down)
        await_counts(bridge, "down", forwarded=before + 1)


@pytest.fixture
def site(lab: Lab) -> Site:
    """The two mappings in a lab."""
    return Site(lab)


def login(folder: Path, password: str = RIGHT, user: str = "plant") -> dict[str, Any]:
    """Return `mqtt.authentication`, its file written."""
    file = folder / "mqtt-password"
    file.write_text(f"{password}\n")
    return {"type": "password", "username": user, "passwordFile": str(file)}


def trusting(authority: Authority, **more: str) -> dict[str, Any]:
    """Return `mqtt.tls`."""
    return {"trustedCertificateFiles": [str(authority.certificate_file)], **more}


def test_a_password_over_tls_with_an_authority_of_ones_own(
    site: Site, authority: Authority, tmp_path: Path
) -> None:
    """The server's certificate is for another name, which SNI and the check are told."""
    certificate = authority.server("named", names=("broker.example",))
    broker = site.lab.mosquitto(users=USERS, certificate=certificate)
    bridge = site.bridge(
        servers=[broker.tls_url],
        tls=trusting(authority, serverName="broker.example"),
        authentication=login(tmp_path),
    )
    site.check_flows(bridge, broker)
    assert bridge.session("up").server == broker.tls_url.removeprefix("mqtts://")
    check_no_secret(bridge, RIGHT)


def test_a_wrong_password_is_told_and_the_right_one_is_taken_when_the_file_has_it(
    site: Site, tmp_path: Path
) -> None:
    broker = site.lab.mosquitto(users=USERS)
    bridge = site.bridge(servers=[broker.url], authentication=login(tmp_path, WRONG))
    # Mosquitto 2.0 says 0x87 (not authorized) of a wrong password.
    trouble = await_link_trouble(bridge, "mqtt", Reason.MQTT_NOT_AUTHORIZED, "'plant'")
    assert "password" in trouble.cure
    check_no_secret(bridge, WRONG)
    login(tmp_path, RIGHT)
    site.check_flows(bridge, broker)
    check_no_secret(bridge, WRONG, RIGHT)


def test_a_broker_that_wants_a_login_says_so_to_whoever_has_none(site: Site) -> None:
    broker = site.lab.mosquitto(users=USERS)
    bridge = site.bridge(servers=[broker.url])
    await_link_trouble(bridge, "mqtt", Reason.MQTT_NOT_AUTHORIZED, "set mqtt.authentication")


def test_bad_credentials_have_a_reason_of_their_own_where_the_broker_tells(
    site: Site, tmp_path: Path
) -> None:
    refused = mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.BAD_USER_NAME_OR_PASSWORD)
    broker = site.lab.background.enter(ScriptedBroker(Script(connack=lambda _: refused)))
    bridge = site.bridge(servers=[broker.url], authentication=login(tmp_path, WRONG))
    await_link_trouble(bridge, "mqtt", Reason.MQTT_BAD_CREDENTIALS, "'plant'", "password")
    check_no_secret(bridge, WRONG)


@pytest.mark.parametrize("content", [None, ""])
def test_a_password_file_that_is_missing_or_empty_is_waited_for(
    site: Site, tmp_path: Path, content: str | None
) -> None:
    broker = site.lab.mosquitto(users=USERS)
    authentication = login(tmp_path)
    file = Path(authentication["passwordFile"])
    file.unlink()
    if content is not None:
        file.write_text(content)
    bridge = site.bridge(servers=[broker.url], authentication=authentication)
    await_link_trouble(bridge, "mqtt", Reason.SECRET_UNREADABLE, str(file), "passwordFile")
    login(tmp_path)
    site.check_flows(bridge, broker)


@pytest.mark.parametrize(
    ("names", "expired", "words"),
    [
        (("localhost",), True, "expired"),
        (("broker.example",), False, "serverName"),
    ],
    ids=["expired", "another name"],
)
def test_a_bad_certificate_is_told(
    site: Site, authority: Authority, names: tuple[str, ...], *, expired: bool, words: str
) -> None:
    certificate = authority.server(f"bad-{words}", names=names, expired=expired)
    broker = site.lab.mosquitto(certificate=certificate)
    bridge = site.bridge(servers=[broker.tls_url], tls=trusting(authority))
    await_link_trouble(bridge, "mqtt", Reason.MQTT_TLS_FAILED, "certificate", words)


def test_a_wrong_authority_is_told_and_the_right_one_is_taken_when_the_file_has_it(
    site: Site, authority: Authority, other_authority: Authority, tmp_path: Path
) -> None:
    broker = site.lab.mosquitto(certificate=authority.server())
    file = Path(shutil.copy(other_authority.certificate_file, tmp_path / "trusted.pem"))
    tls = {"trustedCertificateFiles": [str(file)]}
    bridge = site.bridge(servers=[broker.tls_url], tls=tls)
    await_link_trouble(bridge, "mqtt", Reason.MQTT_TLS_FAILED, "trustedCertificateFiles")
    shutil.copy(authority.certificate_file, file)
    site.check_flows(bridge, broker)


def test_a_port_that_speaks_the_other_protocol_is_told(site: Site, authority: Authority) -> None:
    broker = site.lab.mosquitto(certificate=authority.server())
    tls_to_plain = site.bridge(
        servers=[broker.url.replace("mqtt:", "mqtts:")], tls=trusting(authority)
    )
    await_link_trouble(tls_to_plain, "mqtt", Reason.MQTT_TLS_FAILED, "mqtt://")
    plain_to_tls = site.bridge(servers=[f"mqtt://localhost:{broker.tls_port}"])
    status = plain_to_tls.await_status(
        lambda s: all(m.mqtt.trouble and m.mqtt.trouble.cure for m in s.mappings),
        SECONDS,
        what="a cure",
    )
    trouble = status.mappings[0].mqtt.trouble
    assert trouble is not None
    assert "TLS" in trouble.cure, trouble


def test_a_broker_that_is_not_there_yet_is_waited_for(site: Site) -> None:
    broker = site.lab.broker
    broker.terminate()
    bridge = site.bridge(servers=[broker.url])
    await_link_trouble(bridge, "mqtt", Reason.MQTT_UNREACHABLE, str(broker.port), "mqtt.servers")
    broker.up()
    site.check_flows(bridge, broker)
    assert bridge.status().ready


def test_a_name_that_nobody_knows_is_told(site: Site) -> None:
    bridge = site.bridge(servers=["mqtt://broker.invalid:1883"])
    await_link_trouble(bridge, "mqtt", Reason.MQTT_UNREACHABLE, "broker.invalid")


def test_the_second_server_is_used_when_the_first_is_dead(site: Site) -> None:
    broker = site.lab.broker
    dead = f"mqtt://127.0.0.1:{free_port()}"
    bridge = site.bridge(servers=[dead, broker.url])
    site.check_flows(bridge, broker)
    assert bridge.session("up").server == broker.url.removeprefix("mqtt://")


def test_a_refused_subscription_is_told_and_made_when_it_is_allowed(lab: Lab) -> None:
    script = Script(suback=lambda _: [mqtt5.SubAckReasonCode.NOT_AUTHORIZED])
    broker = lab.background.enter(ScriptedBroker(script))
    topic = lab.topic()
    bridge = lab.bridge({"mqtt": {"servers": [broker.url]}, **split(inbound("up", "up/#", topic))})
    bridge.up(ready=False)
    await_link_trouble(bridge, "mqtt", Reason.MQTT_SUBSCRIPTION_REFUSED, "'up/#'", "allow")
    script.suback = Script().suback
    bridge.await_ready(SECONDS)


REFUSED = {Reason.QUOTA_EXCEEDED, Reason.MQTT_NOT_AUTHORIZED}
"""What a mapping may show of messages that the broker does not take for now."""


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
    assert payloads.index(b"3") == len(payloads) - 1


def test_what_mosquitto_does_not_let_us_publish_is_told_and_flows_when_it_is_allowed(
    lab: Lab,
) -> None:
    """Mosquitto 2.0.11 refuses with 0x87 and then closes the connection: others must flow yet."""
    everything = "user tests\ntopic readwrite #\nuser plant\n"
    broker = lab.mosquitto(users=USERS, acl=everything + "topic write plant/good\n")
    topic = lab.topic("commands")
    sink = lab.subscribe("plant/#", at=broker)
    mqtt = {"servers": [broker.url], "authentication": login(lab.folder)}
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
