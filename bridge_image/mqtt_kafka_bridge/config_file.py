"""The configuration file: YAML or JSON, told by its content, to a `BridgeConfig`.

Whatever is wrong is said at once, each with its line.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.connection import Tls
from mqtt_kafka_bridge.contract.mistakes import ConfigurationError, Location, Mistake
from mqtt_kafka_bridge.contract.reading import read_config
from mqtt_kafka_bridge.yaml_document import Document, DocumentError

__all__ = ["ConfigurationError", "Loaded", "Mistake", "load", "read", "unreadable_files"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration and the text that it was read from."""

    config: BridgeConfig
    document: Document

    def located(self, mistake: Mistake) -> Mistake:
        """Return a mistake with its line."""
        return _located(self.document, mistake)


def load(path: str | Path) -> BridgeConfig:
    """Read a configuration file.

    Raises:
        ConfigurationError: with every mistake in it.
    """
    return read(path).config


def read(path: str | Path) -> Loaded:
    """Read a configuration file, and keep its text to point at lines.

    Raises:
        ConfigurationError: with every mistake in it.
    """
    try:
        document = Document.parse(Path(path).read_bytes())
    except OSError as error:
        cure = "name a file that this process may read"
        mistake = Mistake((), f"can't be read: {error.strerror}", cure)
        raise ConfigurationError(str(path), [mistake]) from error
    except DocumentError as error:
        raise ConfigurationError(str(path), [error.mistake]) from error
    config = read_config(document.data)
    said = {mistake.at for mistake in document.mistakes}
    found = [] if isinstance(config, BridgeConfig) else [m for m in config if m.at not in said]
    mistakes = [*document.mistakes, *(_located(document, mistake) for mistake in found)]
    if mistakes or not isinstance(config, BridgeConfig):
        raise ConfigurationError(str(path), sorted(mistakes, key=lambda m: m.line or 0))
    return Loaded(config, document)


def _located(document: Document, mistake: Mistake) -> Mistake:
    return replace(mistake, line=document.line(mistake.at))


def unreadable_files(config: BridgeConfig) -> list[Mistake]:
    """Return what is wrong with the files that a configuration names; for `check` and `run`."""
    mistakes: list[Mistake] = []
    for side, end in (("mqtt", config.mqtt), ("kafka", config.kafka)):
        if end.authentication is not None:
            at: Location = (side, "authentication", "passwordFile")
            mistakes += _password(at, end.authentication.password_file)
        if end.tls is not None:
            mistakes += _certificates((side, "tls", "trustedCertificateFiles"), end.tls)
    return mistakes


def _password(at: Location, name: str) -> Iterator[Mistake]:
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        yield _unreadable(at, name, error)
        return
    if not content.strip():
        yield Mistake(at, f"names the file {name!r}, which is empty", "write the password into it")


def _certificates(at: Location, tls: Tls) -> Iterator[Mistake]:
    for index, name in enumerate(tls.trusted_certificate_files):
        try:
            Path(name).read_bytes()
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(name)
        except ssl.SSLError:
            yield Mistake(
                (*at, index),
                f"names the file {name!r}, which holds no certificate",
                "put certificates in PEM form into it (-----BEGIN CERTIFICATE-----)",
            )
        except OSError as error:
            yield _unreadable((*at, index), name, error)


def _unreadable(at: Location, name: str, error: OSError) -> Mistake:
    return Mistake(
        at,
        f"names the file {name!r}, which can't be read: {error.strerror}",
        "name a file that this process may read",
    )
