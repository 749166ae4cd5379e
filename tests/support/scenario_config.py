"""Parts of a configuration as dicts, as short as a test can say them."""

from pathlib import Path
from typing import Any

from tests.support.bridge import Config
from tests.support.certificates import Authority


def inbound(
    name: str,
    pattern: str,
    topic: str,
    *,
    source: Config | None = None,
    on_error: str = "DeadLetter",
    **to: object,
) -> dict[str, Any]:
    """Return a mapping from MQTT; what is given by name goes under `to`."""
    origin = {"filter": pattern, **(source or {})}
    return {"name": name, "from": origin, "to": {"topic": topic, **to}, "onError": on_error}


def outbound(
    name: str,
    topics: str | list[str],
    template: str,
    *,
    start_from: str = "Earliest",
    on_error: str = "DeadLetter",
    **to: object,
) -> dict[str, Any]:
    """Return a mapping from Kafka; what is given by name goes under `to`."""
    origin = {"topics": [topics] if isinstance(topics, str) else topics, "startFrom": start_from}
    return {"name": name, "from": origin, "to": {"topic": template, **to}, "onError": on_error}


def split(*mappings: Config) -> dict[str, Any]:
    """Return mappings as the two lists of a configuration."""
    from_kafka = [m for m in mappings if "topics" in m["from"]]
    from_mqtt = [m for m in mappings if m not in from_kafka]
    return {"mqttToKafka": from_mqtt, "kafkaToMqtt": from_kafka}


def login(kind: str, user: str, password: str, file: Path) -> dict[str, Any]:
    """Return `authentication` of either end, its password file written."""
    file.write_text(f"{password}\n")
    return {"type": kind, "username": user, "passwordFile": str(file)}


def trusting(authority: Authority, **more: str) -> dict[str, Any]:
    """Return `tls` of either end."""
    return {"trustedCertificateFiles": [str(authority.certificate_file)], **more}
