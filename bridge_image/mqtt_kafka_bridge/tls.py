"""TLS contexts from the contract: which authorities to trust. Files are read at each call."""

import ssl

from mqtt_kafka_bridge.contract.connection import Tls
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError


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
        MustFixError: the file can't be read, or is empty.
    """
    try:
        with open(name, encoding="utf-8") as file:  # noqa: PTH123 - a plain name from the contract
            password = file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        # What a decoder says has bytes of the password in it.
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise MustFixError(
            Reason.SECRET_UNREADABLE,
            f"{name} can't be read: {why}",
            f"put the password there ({field}), readable by this process",
        ) from None
    if not password:
        raise MustFixError(
            Reason.SECRET_UNREADABLE, f"{name} is empty", f"put the password there ({field})"
        )
    return password
