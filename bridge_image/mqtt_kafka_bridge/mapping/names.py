"""The names that a mapping goes by at the brokers: client ids and groups (design: Formats).

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


def session_client_id(config: BridgeConfig, mapping: MqttToKafka) -> str:
    """Return the client id of a mapping's persistent session.

    Raises:
        GrammarError: the filter can't be read.
    """
    source = mapping.from_
    word = incarnation(parse_filter(source.filter).mqtt, source.qos, "PerKey", source.retained)
    return f"{config.client_id_prefix}.{mapping.name}.{word}"


def publisher_client_id(config: BridgeConfig, mapping: KafkaToMqtt, pod: str) -> str:
    """Return the client id of a mapping's publisher in one pod."""
    return f"{config.client_id_prefix}.{mapping.name}.out.{pod}"


def group(config: BridgeConfig, mapping: KafkaToMqtt) -> str:
    """Return the consumer group of a mapping."""
    return f"{config.group_prefix}.{mapping.name}"
