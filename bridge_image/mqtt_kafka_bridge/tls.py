"""TLS contexts from the contract: which authorities to trust. Files are read at each call."""

import ssl

from mqtt_kafka_bridge.contract.connection import Tls
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError

_LONGEST_PASSWORD = 65_535
"""In bytes, as MQTT can say [MQTT5 3.1.3.6]."""


def client_context(tls: Tls | None, field: str) -> ssl.SSLContext:
    """Return a context that verifies the server's certificate and name.

    Args:
        tls: whom to trust; None, or no files: the system's authorities.
        field: where in the configuration this stands, for messages.

    Raises:
        MustFixError: a file can't be read or holds no certificate.
    """
    files = tls.trusted_certificate_files if tls else []
    if not files:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for index, name in enumerate(files):
        try:
            context.load_verify_locations(cafile=name)
        except OSError as error:  # an ssl.SSLError is one
            raise MustFixError(
                Reason.SECRET_UNREADABLE,
                f"{name} can't be used as a certificate file: {error}",
                f"put a PEM file with the authority's certificate there"
                f" ({field}.trustedCertificateFiles[{index}])",
            ) from error
    return context


def read_password(name: str, field: str) -> str:
    """Return the first line of a password file.

    Raises:
        MustFixError: the file can't be read, is empty, or holds something else.
    """
    try:
        with open(name, encoding="utf-8") as file:  # noqa: PTH123 - a plain name from the contract
            password = file.readline(_LONGEST_PASSWORD + 3).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        # What a decoder says has bytes of the password in it.
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise MustFixError(
            Reason.SECRET_UNREADABLE,
            f"{name} can't be read: {why}",
            f"put the password there ({field}), readable by this process",
        ) from None
    if not password or len(password.encode()) > _LONGEST_PASSWORD:
        what = "is longer than a password can be" if password else "is empty"
        raise MustFixError(
            Reason.SECRET_UNREADABLE, f"{name} {what}", f"put the password there ({field})"
        )
    return password
