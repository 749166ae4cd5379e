"""Logging in to Kafka, what ACLs forbid, and everything that can be wrong, until it is cured."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from tests.support.bridge import Bridge
from tests.support.certificates import Authority, ServerCertificate
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
PLAIN_SECRET = "plain-secret"  # noqa: S105 - the fixture's


def scram(lab: Lab, password: str) -> dict[str, Any]:
    """Return `kafka.authentication` of a user who has the lab's name."""
    return login("scram-sha-512", lab.name, password, lab.folder / "kafka-password")


def started(lab: Lab, **kafka: object) -> Bridge:
    """Start a bridge with a mapping each way that need not become ready."""
    up, down = f"{lab.name}.up", f"{lab.name}.down"
    for topic in ("up", "down"):
        lab.topic(topic)
    mappings = split(inbound("up", "up/#", up), outbound("down", down, "down/{key}"))
    bridge = lab.bridge({"kafka": kafka, **mappings})
    bridge.up(ready=False)
    return bridge


def check_flows(lab: Lab, bridge: Bridge) -> None:
    """Check that the bridge is ready, and that a message each way comes through."""
    bridge.await_ready(SECONDS)
    lab.publish("up/1")
    lab.records(f"{lab.name}.up", 1)
    lab.produce(f"{lab.name}.down")
    await_counts(bridge, "down", forwarded=1)


def allow(lab: Lab, user: str) -> None:
    """Let a user do with topics and groups of the lab what the bridge has to do."""
    admin = lab.kafka.admin
    admin.allow(user, "topic", lab.name, "read", "write", "describe", prefixed=True)
    admin.allow(user, "group", f"local.{lab.name}", "read", prefixed=True)


@pytest.mark.parametrize("kind", ["plain", "scram-sha-256", "scram-sha-512"])
def test_a_user_with_a_password_over_tls(secure_lab: Lab, authority: Authority, kind: str) -> None:
    lab = secure_lab
    user, password = ("plain", PLAIN_SECRET) if kind == "plain" else (lab.name, RIGHT)
    if kind != "plain":
        lab.kafka.admin.set_user(user, password, kind.upper())
    allow(lab, user)
    bridge = started(
        lab,
        bootstrapServers=lab.kafka.sasl_bootstrap,
        tls=trusting(authority),
        authentication=login(kind, user, password, lab.folder / "kafka-password"),
    )
    check_flows(lab, bridge)
    check_no_secret(bridge, password)


def test_tls_without_a_login(secure_lab: Lab, authority: Authority) -> None:
    servers = secure_lab.kafka.tls_bootstrap
    bridge = started(secure_lab, bootstrapServers=servers, tls=trusting(authority))
    check_flows(secure_lab, bridge)


def test_a_wrong_password_is_told_and_the_right_one_is_taken_when_the_file_has_it(
    secure_lab: Lab, authority: Authority
) -> None:
    lab = secure_lab
    lab.kafka.admin.set_user(lab.name, RIGHT)
    allow(lab, lab.name)
    bridge = started(
        lab,
        bootstrapServers=lab.kafka.sasl_bootstrap,
        tls=trusting(authority),
        authentication=scram(lab, WRONG),
    )
    await_link_trouble(bridge, "kafka", Reason.KAFKA_BAD_CREDENTIALS, "password")
    check_no_secret(bridge, WRONG)
    scram(lab, RIGHT)
    check_flows(lab, bridge)
    check_no_secret(bridge, WRONG, RIGHT)


def test_a_wrong_authority_is_told_and_the_right_one_is_taken_when_the_file_has_it(
    secure_lab: Lab, authority: Authority, other_authority: Authority, tmp_path: Path
) -> None:
    file = Path(shutil.copy(other_authority.certificate_file, tmp_path / "trusted.pem"))
    bridge = started(
        secure_lab,
        bootstrapServers=secure_lab.kafka.tls_bootstrap,
        tls={"trustedCertificateFiles": [str(file)]},
    )
    await_link_trouble(bridge, "kafka", Reason.KAFKA_TLS_FAILED, "trustedCertificateFiles")
    shutil.copy(authority.certificate_file, file)
    check_flows(secure_lab, bridge)


@asynccontextmanager
async def tls_server(certificate: ServerCertificate) -> AsyncIterator[int]:
    """Serve TLS with this certificate and nothing behind it; yield the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.both_file)
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("names", "expired", "words"),
    [(("localhost",), True, "expired"), (("kafka.example",), False, "serverName")],
    ids=["expired", "another name"],
)
def test_a_bad_certificate_is_told(
    lab: Lab, authority: Authority, names: tuple[str, ...], *, expired: bool, words: str
) -> None:
    certificate = authority.server(f"bad-kafka-{words}", names=names, expired=expired)
    port = lab.background.enter(tls_server(certificate))
    bridge = started(lab, bootstrapServers=[f"localhost:{port}"], tls=trusting(authority))
    await_link_trouble(bridge, "kafka", Reason.KAFKA_TLS_FAILED, "certificate", words)


def test_a_port_that_speaks_another_protocol_is_told(secure_lab: Lab, authority: Authority) -> None:
    kafka = secure_lab.kafka
    wrong: list[tuple[dict[str, Any], Reason, str]] = [
        ({"bootstrapServers": kafka.tls_bootstrap}, Reason.KAFKA_TLS_FAILED, "set kafka.tls"),
        (
            {"bootstrapServers": kafka.bootstrap, "tls": trusting(authority)},
            Reason.KAFKA_TLS_FAILED,
            "remove kafka.tls",
        ),
        (
            {
                "bootstrapServers": kafka.tls_bootstrap,
                "tls": trusting(authority),
                "authentication": scram(secure_lab, RIGHT),
            },
            Reason.KAFKA_MECHANISM_REFUSED,
            "remove kafka.authentication",
        ),
        (
            {"bootstrapServers": kafka.sasl_bootstrap, "tls": trusting(authority)},
            Reason.KAFKA_BAD_CREDENTIALS,
            "set kafka.authentication",
        ),
    ]
    mapping = split(inbound("up", "up/#", secure_lab.topic()))
    bridges = [
        secure_lab.bridge({"name": f"{secure_lab.name}-{n}", "kafka": settings, **mapping})
        for n, (settings, _, _) in enumerate(wrong)
    ]
    for bridge in bridges:
        bridge.launch()
    for bridge, (_, reason, cure) in zip(bridges, wrong, strict=True):
        await_link_trouble(bridge, "kafka", reason, cure)


def test_an_unreachable_cluster_is_told_by_each_of_its_addresses(lab: Lab) -> None:
    servers = [f"127.0.0.1:{free_port()}", "kafka.invalid:9092"]
    bridge = started(lab, bootstrapServers=servers)
    await_link_trouble(bridge, "kafka", Reason.KAFKA_UNREACHABLE, *servers, "bootstrapServers")


def test_the_second_bootstrap_server_is_used_when_the_first_is_dead(lab: Lab) -> None:
    servers = [f"127.0.0.1:{free_port()}", *lab.kafka.bootstrap]
    check_flows(lab, started(lab, bootstrapServers=servers))
