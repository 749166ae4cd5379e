"""Who a bridge is to its brokers, and which edits would make it another one; pure.

Sessions live at one broker, under one prefix of client ids; who runs them is agreed on one Kafka
cluster, by one topic and one group. Under another of these there would be a second bridge, and what
the first one left would be nobody's. Why the hosts are compared, and no more: docs/adr.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.mistakes import Location, Mistake
from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.cluster import Manifest
from mqtt_kafka_operator.translate import Running, Translation

_PREFIX: Final = "is another prefix than that of the sessions of now"


def identity_mistakes(
    bridge: Bridge, translation: Translation, config_map: Manifest | None, running: Running | None
) -> list[Mistake]:
    """Return what in an edit would make the bridge another one; nothing if that was allowed.

    Args:
        bridge: as it is edited.
        translation: what its pods are to be told.
        config_map: as it is there; None: there is none, so no pod ever ran.
        running: what the pods were told last.
    """
    if running is not None and running.config_hash == translation.config_hash:
        return []  # whatever somebody wrote into the ConfigMap by hand
    before = _configuration(config_map)
    if before is None or _allowed(bridge):
        return []
    cure = (
        "undo the edit; or end what lives there: undo it, set paused: true, run `mqtt-kafka "
        "retire` with the configuration of now, edit again, and set the annotation "
        f'{names.ALLOW_IDENTITY_CHANGE}: "{bridge.generation}"'
    )
    return [Mistake(at, message, cure) for at, message in _changes(before, translation.config)]


def _allowed(bridge: Bridge) -> bool:
    return bridge.annotations.get(names.ALLOW_IDENTITY_CHANGE) == str(bridge.generation)


def _configuration(config_map: Manifest | None) -> BridgeConfig | None:
    """Read the file of now; one that can't be read, of an older version, can't be compared."""
    text = ((config_map or {}).get("data") or {}).get(names.CONFIG_KEY)
    if text is None:
        return None
    try:
        return BridgeConfig.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        return None


def _changes(before: BridgeConfig, now: BridgeConfig) -> Iterator[tuple[Location, str]]:
    has_sessions = bool(before.mqtt_to_kafka)
    shares = has_sessions and before.kafka.coordination.type == "Kafka"
    has_positions = bool(before.kafka_to_mqtt)
    if has_sessions:
        if not _shared(before.mqtt.servers, now.mqtt.servers):
            yield ("spec", "mqtt", "servers"), "name another broker than the one with the sessions"
        if before.client_id_prefix != now.client_id_prefix:
            yield ("spec", "mqtt", "clientIdPrefix"), _PREFIX
        if _coordination(before) != _coordination(now):
            message = "is another way to share the sessions than that of now"
            yield ("spec", "kafka", "coordination"), message
    if shares or has_positions:
        if not _shared(before.kafka.bootstrap_servers, now.kafka.bootstrap_servers):
            message = "name another cluster than the one with the positions and sessions of now"
            yield ("spec", "kafka", "bootstrapServers"), message
        if before.group_prefix != now.group_prefix:
            message = "is another prefix than that of the consumer groups of now"
            yield ("spec", "kafka", "consumer", "groupPrefix"), message


def _coordination(config: BridgeConfig) -> str | None:
    return None if config.kafka.coordination.type == "None" else config.coordination_topic


def _shared(before: Iterable[str], now: Iterable[str]) -> bool:
    """Tell whether two lists name a host in common, by whatever port and protocol."""
    return not {*map(_host, before)}.isdisjoint(map(_host, now))


def _host(server: str) -> str:
    return urlsplit(server if "://" in server else f"//{server}").hostname or server
