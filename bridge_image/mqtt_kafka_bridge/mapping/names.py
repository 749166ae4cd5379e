"""The names that a mapping goes by at the brokers: client ids, groups, topics (design: Formats).

Callers are the flows, which open sessions, and everything that has to find one again.
"""

from hashlib import sha256

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.filters import parse_filter
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt, MqttToKafka


def incarnation(mqtt_filter: str, qos: int, ordering: str, retained: str) -> str:
    """Return the word in a client id that changes when the session must be another one.

    Args:
        mqtt_filter: as in SUBSCRIBE, so that giving a level another name keeps the session.
        qos: as asked for.
        ordering: `PerKey` or `None`.
        retained: `Include`, `Skip` or `Only`.
    """
    words = "\0".join((mqtt_filter, str(qos), ordering, retained))
    return sha256(words.encode()).hexdigest()[:8]


def incarnation_of(mapping: MqttToKafka) -> str:
    """Return the incarnation of a mapping as it stands in a configuration.

    Raises:
        GrammarError: the filter can't be read.
    """
    source = mapping.from_
    mqtt_filter = parse_filter(source.filter).mqtt
    return incarnation(mqtt_filter, source.qos, mapping.ordering, source.retained)


def session_client_id(config: BridgeConfig, mapping: MqttToKafka, member: int | None = None) -> str:
    """Return the client id of a mapping's persistent session.

    Args:
        config: of the bridge.
        mapping: whose session it is.
        member: which of its sessions, from 0; with ordering PerKey there is one, and no number.

    Raises:
        GrammarError: the filter can't be read.
    """
    number = "" if mapping.ordering == "PerKey" else f".{member or 0}"
    return f"{config.client_id_prefix}.{mapping.name}.{incarnation_of(mapping)}{number}"


def share_filter(config: BridgeConfig, mapping: MqttToKafka) -> str:
    """Return what a mapping's sessions subscribe to: the filter, shared if order is not asked for.

    Sessions of another incarnation are no members of the same share. If they were, each message
    would go to the old ones or to the new ones, and what still waits for an old one when it
    unsubscribes, which the broker may drop (MQTT 5, 3.10.4), would be with nobody else.

    Raises:
        GrammarError: the filter can't be read.
    """
    mqtt_filter = parse_filter(mapping.from_.filter).mqtt
    if mapping.ordering == "PerKey":
        return mqtt_filter
    share = f"{config.client_id_prefix}.{mapping.name}.{incarnation_of(mapping)}"
    return f"$share/{share}/{mqtt_filter}"


def marker_topic(config: BridgeConfig, word: str) -> str:
    """Return the MQTT topic of the marker by which an incarnation replaces another.

    Args:
        config: of the bridge.
        word: the new incarnation.
    """
    return f"{_markers(config.client_id_prefix)}{word}"


def is_marker(prefix: str, topic: str) -> bool:
    """Tell whether an MQTT topic is one of the markers of the bridge with this client id prefix."""
    return topic.startswith(_markers(prefix))


def _markers(prefix: str) -> str:
    return f"mqttkafka/{prefix}/marker/"


def publisher_client_id(config: BridgeConfig, mapping: KafkaToMqtt, pod: str) -> str:
    """Return the client id of a mapping's publisher in one pod."""
    return f"{config.client_id_prefix}.{mapping.name}.out.{pod}"


def group(config: BridgeConfig, mapping: KafkaToMqtt) -> str:
    """Return the consumer group of a mapping."""
    return f"{config.group_prefix}.{mapping.name}"
