"""How to log in to Kafka: the contract's words in aiokafka's, with files read at each call."""

import ssl
from typing import Any, Final

from mqtt_kafka_bridge.contract.connection import Kafka
from mqtt_kafka_bridge.tls import client_context, read_password

MECHANISMS: Final = {
    "plain": "PLAIN",
    "scram-sha-256": "SCRAM-SHA-256",
    "scram-sha-512": "SCRAM-SHA-512",
}


def security(kafka: Kafka) -> dict[str, Any]:
    """Return the keyword arguments of every aiokafka client that have to do with security.

    Raises:
        MustFixError: SecretUnreadable: a file can't be read.
    """
    arguments: dict[str, Any] = {"security_protocol": "SSL" if kafka.tls else "PLAINTEXT"}
    if kafka.tls:
        arguments["ssl_context"] = _tls_context(kafka)
    if kafka.authentication:
        arguments |= {
            "security_protocol": "SASL_SSL" if kafka.tls else "SASL_PLAINTEXT",
            "sasl_mechanism": MECHANISMS[kafka.authentication.type],
            "sasl_plain_username": kafka.authentication.username,
            "sasl_plain_password": read_password(
                kafka.authentication.password_file, "kafka.authentication.passwordFile"
            ),
        }
    return arguments


def _tls_context(kafka: Kafka) -> ssl.SSLContext:
    """Return a context that asks for `serverName`, if there is one, at every broker.

    aiokafka leaves no way to give a name for SNI but the broker's own; both event loops (asyncio
    and uvloop) hand that name to the context's `wrap_bio`, where it is replaced.
    """
    context = client_context(kafka.tls, "kafka.tls")
    name = kafka.tls.server_name if kafka.tls else None
    if name is None:
        return context
    wrap = context.wrap_bio

    def wrap_for_name(
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - the signature of what it replaces
        server_hostname: str | bytes | None = None,  # noqa: ARG001 - replaced
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return wrap(incoming, outgoing, server_side, name, session)

    context.wrap_bio = wrap_for_name  # type: ignore[method-assign] # see the docstring
    return context
