"""Logging in to the MQTT broker, and everything that can be wrong with it, until it is cured."""

import shutil
from pathlib import Path
from typing import Any

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import Reason
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
from tests.support.scenario_config import inbound, login, outbound, split, trusting

RIGHT, WRONG = "r1ght-s3cret", "wr0ng-s3cret"
USERS = {"tests": "t3sts-s3cret", "plant": RIGHT}
"""The first one is the tests' own."""


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


def plant_login(folder: Path, password: str = RIGHT) -> dict[str, Any]:
    """Return `mqtt.authentication` of the user `plant`."""
    return login("password", "plant", password, folder / "mqtt-password")


def test_a_password_over_tls_with_an_authority_of_ones_own(
    site: Site, authority: Authority, tmp_path: Path
) -> None:
    """The server's certificate is for another name, which SNI and the check are told."""
    certificate = authority.server("named", names=("broker.example",))
    broker = site.lab.mosquitto(users=USERS, certificate=certificate)
    bridge = site.bridge(
        servers=[broker.tls_url],
        tls=trusting(authority, serverName="broker.example"),
        authentication=plant_login(tmp_path),
    )
    site.check_flows(bridge, broker)
    assert bridge.session("up").server == broker.tls_url.removeprefix("mqtts://")
    check_no_secret(bridge, RIGHT)


def test_a_wrong_password_is_told_and_the_right_one_is_taken_when_the_file_has_it(
    site: Site, tmp_path: Path
) -> None:
    broker = site.lab.mosquitto(users=USERS)
    bridge = site.bridge(servers=[broker.url], authentication=plant_login(tmp_path, WRONG))
    # Mosquitto 2.0 says 0x87 (not authorized) of a wrong password.
    trouble = await_link_trouble(bridge, "mqtt", Reason.MQTT_NOT_AUTHORIZED, "'plant'")
    assert "password" in trouble.cure
    check_no_secret(bridge, WRONG)
    plant_login(tmp_path, RIGHT)
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
    bridge = site.bridge(servers=[broker.url], authentication=plant_login(tmp_path, WRONG))
    await_link_trouble(bridge, "mqtt", Reason.MQTT_BAD_CREDENTIALS, "'plant'", "password")
    check_no_secret(bridge, WRONG)


def test_a_password_file_that_is_not_there_yet_is_waited_for(site: Site, tmp_path: Path) -> None:
    broker = site.lab.mosquitto(users=USERS)
    authentication = plant_login(tmp_path)
    file = Path(authentication["passwordFile"])
    file.unlink()
    bridge = site.bridge(servers=[broker.url], authentication=authentication)
    await_link_trouble(bridge, "mqtt", Reason.SECRET_UNREADABLE, str(file), "passwordFile")
    plant_login(tmp_path)
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
