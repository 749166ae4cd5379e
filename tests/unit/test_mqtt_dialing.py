"""Whatever goes wrong while a connection is opened has a reason, a family and a cure."""

import socket
import ssl

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.mqtt.dialing import explain
from mqtt_kafka_bridge.mqtt.servers import Server

PLAIN = Server("broker", 1883, secure=False)
SECURE = Server("broker", 8883, secure=True)
UNRESOLVED = socket.gaierror(-2, "Name or service not known")
NO_NAME = UnicodeError("label empty or too long")


@pytest.mark.parametrize(
    ("error", "server", "family", "reason", "what"),
    [
        (ConnectionRefusedError(), PLAIN, PassingError, Reason.MQTT_UNREACHABLE, "nothing listens"),
        (TimeoutError(), PLAIN, PassingError, Reason.MQTT_UNREACHABLE, "no connection within 10 s"),
        (UNRESOLVED, PLAIN, PassingError, Reason.MQTT_UNREACHABLE, "can't be resolved: Name"),
        (OSError(113, "No route"), PLAIN, PassingError, Reason.MQTT_UNREACHABLE, "No route"),
        (OSError(), PLAIN, PassingError, Reason.MQTT_UNREACHABLE, "OSError"),
        (ConnectionResetError(), PLAIN, PassingError, Reason.MQTT_UNREACHABLE, "Reset"),
        (ConnectionResetError(), SECURE, PassingError, Reason.MQTT_TLS_FAILED, "in the handshake"),
        (ConnectionAbortedError(), SECURE, PassingError, Reason.MQTT_TLS_FAILED, "no TLS"),
        (ConnectionRefusedError(), SECURE, PassingError, Reason.MQTT_UNREACHABLE, "nothing"),
        (ssl.SSLError(1, "wrong version"), SECURE, MustFixError, Reason.MQTT_TLS_FAILED, "wrong"),
        (NO_NAME, PLAIN, MustFixError, Reason.MQTT_UNREACHABLE, "label empty"),
    ],
)
def test_every_failure_is_explained(
    error: OSError | UnicodeError,
    server: Server,
    family: type[BridgeError],
    reason: Reason,
    what: str,
) -> None:
    explained = explain(error, server)
    assert type(explained) is family
    assert explained.reason is reason
    assert what in explained.message
    assert str(server) in explained.message
    assert explained.cure


def test_what_tls_itself_names_is_passed_on() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    assert explain(error, SECURE).message == "no TLS with broker:8883: WRONG_VERSION_NUMBER"
