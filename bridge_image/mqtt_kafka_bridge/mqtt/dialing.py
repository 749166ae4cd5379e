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

Dial = Callable[[Server, Callable[[], Link]], Awaitable[Link]]
"""Open a transport for a link. Raises BridgeError."""


def dialer(config: Mqtt) -> Dial:
    """Return the dialer for real sockets; certificate files are read at each call."""

    async def dial(server: Server, make_link: Callable[[], Link]) -> Link:
        context = client_context(config.tls, "mqtt.tls") if server.secure else None
        name = (config.tls and config.tls.server_name) or server.host
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, link = await loop.create_connection(
                    make_link,
                    server.host,
                    server.port,
                    ssl=context,
                    server_hostname=name if context else None,
                )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            raise explain(error, server) from error
        _send_at_once(transport)
        return link

    return dial


def _send_at_once(transport: asyncio.BaseTransport) -> None:
    """Set TCP_NODELAY: we gather ourselves what belongs together."""
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def explain(error: BaseException, server: Server) -> BridgeError:
    """Return what went wrong while a connection was opened, and its cure."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return MustFixError(
            Reason.MQTT_TLS_FAILED,
            f"the certificate of {server} is not trusted: {error.verify_message}",
            "check mqtt.tls.trustedCertificateFiles and serverName, and the certificate's dates",
        )
    if isinstance(error, ssl.SSLError):
        return MustFixError(
            Reason.MQTT_TLS_FAILED,
            f"no TLS with {server}: {error.reason or error}",
            "check that this port speaks TLS (usually 8883), or use mqtt:// without TLS",
        )
    if isinstance(error, TimeoutError):
        what = f"no connection within {CONNECT_SECONDS:g} s"
    elif isinstance(error, socket.gaierror):
        what = f"its name can't be resolved: {error.strerror}"
    elif isinstance(error, ConnectionRefusedError):
        what = "nothing listens on this port"
    else:
        what = str(error) or type(error).__name__
    return PassingError(
        Reason.MQTT_UNREACHABLE,
        f"{server} can't be reached: {what}",
        "check mqtt.servers, the network between, and that the broker runs",
    )
