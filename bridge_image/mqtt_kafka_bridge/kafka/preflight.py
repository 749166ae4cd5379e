"""Find out why Kafka can't be used, before a client is made that would only say "unable".

aiokafka's clients turn every mistake (a wrong password, mechanism, authority or port) into the same
retriable "Unable to bootstrap"; a single connection tells them apart.
"""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import errors as kafka_errors
from aiokafka.conn import AIOKafkaConnection, get_ip_port_afi
from aiokafka.protocol.admin import SaslHandShakeRequest
from aiokafka.protocol.metadata import MetadataRequest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.kafka.adjustments import quiet_logs
from mqtt_kafka_bridge.kafka.causes import explain
from mqtt_kafka_bridge.kafka.connections import hang_up
from mqtt_kafka_bridge.kafka.security import security

CONNECT_SECONDS: Final = 5
_FAILURES: Final = (OSError, ValueError, kafka_errors.KafkaError)  # a name may be no name
_NOT_YET_VALID, _EXPIRED = 9, 10  # X509_V_ERR_CERT_..., as OpenSSL numbers them
_WRONG_NAME, _WRONG_ADDRESS = 62, 64


async def preflight(config: BridgeConfig) -> None:
    """See that one of the bootstrap servers can be used.

    Raises:
        MustFixError: KafkaTlsFailed, KafkaBadCredentials, KafkaMechanismRefused, SecretUnreadable.
        PassingError: KafkaUnreachable.
    """
    quiet_logs()
    arguments = security(config.kafka)
    failures: list[BridgeError] = []
    for server in config.kafka.bootstrap_servers:
        failure = await _try(server, arguments)
        if failure is None:
            return
        failures.append(failure)
    # A server that answers "no" says more than one that does not answer.
    worst = min(failures, key=lambda failure: not isinstance(failure, MustFixError))
    if isinstance(worst, PassingError) and len(failures) > 1:
        raise PassingError(
            worst.reason, "; ".join(failure.message for failure in failures), worst.cure
        )
    raise worst


async def _try(server: str, arguments: dict[str, Any]) -> BridgeError | None:
    """Return what keeps us from using a server; None if nothing does."""
    connected = False
    try:
        async with _connection(server, arguments) as connection:
            connected = True
            # Versions are told to all; a broker that wants a login hangs up at this question.
            await connection.send(MetadataRequest([]))
    except _FAILURES as error:
        if not connected:
            return await _cause(server, arguments, error)
        if arguments["security_protocol"] in {"PLAINTEXT", "SSL"} and _hung_up(error):
            return MustFixError(
                Reason.KAFKA_BAD_CREDENTIALS,
                f"{server} hangs up on whoever does not log in",
                "set kafka.authentication, or use a port that asks for no login",
            )
        return _unreachable(server, error)
    return None


@asynccontextmanager
async def _connection(server: str, arguments: dict[str, Any]) -> AsyncIterator[Any]:
    """Connect and log in; leave nothing behind. Raises one of `_FAILURES`."""
    host, port, _ = get_ip_port_afi(server)
    connection = AIOKafkaConnection(
        host, port, client_id="preflight", request_timeout_ms=CONNECT_SECONDS * 1000, **arguments
    )
    try:
        await connection.connect()
        yield connection
    finally:
        await hang_up(connection)


async def _cause(server: str, arguments: dict[str, Any], error: Exception) -> BridgeError:
    """Tell why a server could not be used, with a second look where one error has two causes."""
    secure = arguments["security_protocol"] in {"SSL", "SASL_SSL"}
    match error:
        case kafka_errors.SaslAuthenticationFailed():
            return explain(error)
        case kafka_errors.UnsupportedSaslMechanismError() | kafka_errors.IllegalSaslStateError():
            return await _mechanism_refused(server, arguments)
        case ssl.SSLCertVerificationError():
            return _bad_certificate(server, error)
        case ssl.SSLError() | ConnectionResetError() | BrokenPipeError() if secure:
            return await _no_handshake(server, error)
        case _ if not secure and _hung_up(error):
            tls = {"security_protocol": "SSL", "ssl_context": _anybody()}
            if await _speaks(server, tls):
                return _wrong_protocol(server, "TLS", "set kafka.tls, {} at least")
    return _unreachable(server, error)


async def _no_handshake(server: str, error: Exception) -> BridgeError:
    if await _speaks(server, {"security_protocol": "PLAINTEXT"}):
        return _wrong_protocol(server, "plaintext", "remove kafka.tls")
    return _tls_failed(server, f"the TLS handshake failed: {error}")


def _hung_up(error: BaseException) -> bool:
    return isinstance(error, kafka_errors.KafkaConnectionError | ConnectionResetError)


async def _speaks(server: str, arguments: dict[str, Any]) -> bool:
    """Ask for Kafka's versions; no credentials are sent."""
    try:
        async with _connection(server, arguments):
            return True
    except _FAILURES:
        return False


def _anybody() -> ssl.SSLContext:
    """Return a context for a question that only asks whether it is TLS that is spoken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _mechanism_refused(server: str, arguments: dict[str, Any]) -> BridgeError:
    """Ask which mechanisms the server offers; aiokafka drops them from its error."""
    wanted = arguments["sasl_mechanism"]
    protocol = "SSL" if arguments["security_protocol"] == "SASL_SSL" else "PLAINTEXT"
    no_login = {"security_protocol": protocol, "ssl_context": arguments.get("ssl_context")}
    offered: list[str] = []
    with suppress(*_FAILURES):  # The cure is the same, only less precise.
        async with _connection(server, no_login) as connection:
            answer = await connection.send(SaslHandShakeRequest(wanted))
            offered = sorted(answer.enabled_mechanisms)
    return MustFixError(
        Reason.KAFKA_MECHANISM_REFUSED,
        f"{server} does not take {wanted}; it offers {', '.join(offered) or 'no login at all'}",
        f"set kafka.authentication.type to one of {', '.join(offered).lower()}"
        if offered
        else "remove kafka.authentication, or use the port that asks for a login",
    )


def _bad_certificate(server: str, error: ssl.SSLCertVerificationError) -> MustFixError:
    match error.verify_code:
        case code if code == _EXPIRED:
            what, cure = "its certificate has expired", "renew the broker's certificate"
        case code if code == _NOT_YET_VALID:
            what, cure = "its certificate is not valid yet", "set the clocks right"
        case code if code in {_WRONG_NAME, _WRONG_ADDRESS}:
            what = f"its certificate is for another name: {error.verify_message}"
            cure = "use a name that stands in the certificate, or set kafka.tls.serverName to one"
        case _:
            what = f"its certificate is not trusted: {error.verify_message}"
            cure = "add the authority that signed it to kafka.tls.trustedCertificateFiles"
    return _tls_failed(server, what, cure)


def _wrong_protocol(server: str, spoken: str, cure: str) -> MustFixError:
    return _tls_failed(server, f"this port speaks {spoken}", f"{cure}; or use its other port")


def _tls_failed(server: str, what: str, cure: str = "") -> MustFixError:
    return MustFixError(
        Reason.KAFKA_TLS_FAILED,
        f"{server}: {what}",
        cure or "see that the port speaks TLS 1.2 or later, and the broker's log",
    )


def _unreachable(server: str, error: BaseException) -> PassingError:
    match error:
        case TimeoutError() | kafka_errors.RequestTimedOutError():
            what = f"no answer within {CONNECT_SECONDS} s"
        case socket.gaierror():
            what = f"the name can't be resolved ({error.strerror})"
        case ConnectionRefusedError():
            what = "nobody listens there"
        case _:
            what = str(error) or type(error).__name__
    return PassingError(
        Reason.KAFKA_UNREACHABLE,
        f"{server} can't be reached: {what}",
        "see that the broker runs and that kafka.bootstrapServers names it rightly",
    )
