"""Opening connections to the broker: TCP or TLS, with every failure named."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable

from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.mqtt.servers import Server
from mqtt_kafka_bridge.tls import client_context

CONNECT_SECONDS = 10.0
"""Longest wait for TCP and TLS, and again for CONNACK and for SUBACK."""
_NO_TLS = "check that this port speaks TLS (usually 8883), or use mqtt:// without TLS"

Dial = Callable[[Server, Callable[[], Link]], Awaitable[Link]]
"""Open a transport for a link. Raises BridgeError."""


def dialer(config: Mqtt) -> Dial:
    """Return the dialer for real sockets; certificate files are read at each call."""

    async def dial(server: Server, make_link: Callable[[], Link]) -> Link:
        context = client_context(config.tls, "mqtt.tls") if server.secure else None
        name = (config.tls and config.tls.server_name) or server.host
        loop = asyncio.get_running_loop()
        try:
            name.encode("idna")  # a name that is none is found before a socket is open
            async with asyncio.timeout(CONNECT_SECONDS):
                _, link = await loop.create_connection(
                    make_link,
                    server.host,
                    server.port,
                    ssl=context,
                    server_hostname=name if context else None,
                )
        except (OSError, UnicodeError) as error:
            raise explain(error, server) from error
        return link

    return dial


def explain(error: OSError | UnicodeError, server: Server) -> BridgeError:
    """Return what went wrong while a connection was opened, and its cure."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return MustFixError(
            Reason.MQTT_TLS_FAILED,
            f"the certificate of {server} is not trusted: {error.verify_message}",
            "check mqtt.tls.trustedCertificateFiles and serverName, and the certificate's dates",
        )
    if isinstance(error, ssl.SSLError):
        return MustFixError(Reason.MQTT_TLS_FAILED, f"no TLS with {server}: {_why(error)}", _NO_TLS)
    if server.secure and isinstance(error, ConnectionResetError | ConnectionAbortedError):
        what = f"no TLS with {server}: it closed the connection in the handshake"
        return PassingError(Reason.MQTT_TLS_FAILED, what, _NO_TLS)
    what = f"{server} can't be reached: {_why(error)}"
    if isinstance(error, UnicodeError):
        cure = "correct the name in mqtt.servers or mqtt.tls.serverName"
        return MustFixError(Reason.MQTT_UNREACHABLE, what, cure)
    return PassingError(
        Reason.MQTT_UNREACHABLE,
        what,
        "check mqtt.servers, the network between, and that the broker runs",
    )


def _why(error: OSError | UnicodeError) -> str:
    match error:
        case ssl.SSLError():
            return getattr(error, "reason", None) or str(error)  # not every one has it
        case TimeoutError():
            return f"no connection within {CONNECT_SECONDS:g} s"
        case socket.gaierror():
            return f"its name can't be resolved: {error.strerror}"
        case ConnectionRefusedError():
            return "nothing listens on this port"
        case _:
            return str(error) or type(error).__name__
