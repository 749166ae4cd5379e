"""Mappings as dicts, as short as a test can say them."""

from typing import Any

from tests.support.bridge import Config


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
