"""How the contract's words on security become aiokafka's."""

import logging
import ssl
from pathlib import Path
from typing import Any

import pytest

from mqtt_kafka_bridge.contract.connection import Kafka
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError
from mqtt_kafka_bridge.kafka.adjustments import quiet_logs
from mqtt_kafka_bridge.kafka.security import security


def _kafka(**more: Any) -> Kafka:  # noqa: ANN401 - as in YAML
    return Kafka.model_validate({"bootstrapServers": ["kafka:9092"], **more})


@pytest.fixture
def login(tmp_path: Path) -> dict[str, str]:
    """A user and a password file."""
    (tmp_path / "password").write_text("secret\n")
    return {
        "type": "scram-sha-256",
        "username": "bridge",
        "passwordFile": str(tmp_path / "password"),
    }


def test_protocols_follow_from_tls_and_authentication(login: dict[str, str]) -> None:
    assert security(_kafka()) == {"security_protocol": "PLAINTEXT"}
    assert security(_kafka(tls={}))["security_protocol"] == "SSL"
    assert security(_kafka(authentication=login)) == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "bridge",
        "sasl_plain_password": "secret",
    }
    assert security(_kafka(tls={}, authentication=login))["security_protocol"] == "SASL_SSL"


def test_the_password_is_read_at_each_connect(login: dict[str, str]) -> None:
    kafka = _kafka(authentication=login)
    security(kafka)
    Path(login["passwordFile"]).write_text("another")
    assert security(kafka)["sasl_plain_password"] == "another"  # noqa: S105 - a test's
    Path(login["passwordFile"]).unlink()
    with pytest.raises(MustFixError) as caught:
        security(kafka)
    assert caught.value.reason is Reason.SECRET_UNREADABLE
    assert "kafka.authentication.passwordFile" in caught.value.cure


@pytest.mark.parametrize(
    ("tls", "asked"), [({}, "broker-1"), ({"serverName": "kafka.example"}, "kafka.example")]
)
def test_the_server_name_is_asked_for_whatever_the_broker_is_called(
    tls: dict[str, str], asked: str
) -> None:
    context: ssl.SSLContext = security(_kafka(tls=tls))["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    wrapped = context.wrap_bio(
        ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=False, server_hostname="broker-1"
    )
    assert wrapped.server_hostname == asked


def test_the_logs_of_aiokafka_are_held_back() -> None:
    quiet_logs()
    assert not logging.getLogger("aiokafka.conn").isEnabledFor(logging.ERROR)
