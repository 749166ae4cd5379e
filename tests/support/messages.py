"""Messages of both sides, as tests of the mapping core make them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

from mqtt5 import PublishPacket, QoS

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt, MqttToKafka


@dataclass(frozen=True, slots=True)
class Record:
    """A record as read from Kafka."""

    key: bytes | None = b"key"
    value: bytes | None = b"value"
    headers: Sequence[tuple[str, bytes | None]] = ()
    offset: int = 7
    timestamp: int = 1_000_000


class Properties(TypedDict, total=False):
    """What may stand in a PUBLISH beside topic and payload."""

    user_properties: list[tuple[str, str]]
    retain: bool
    content_type: str
    response_topic: str
    correlation_data: bytes
    message_expiry_interval: int


def mqtt_message(
    payload: bytes = b"21.5",
    topic: str = "plant/a/d1/telemetry",
    **properties: Unpack[Properties],
) -> PublishPacket:
    """Return a message at QoS 1, as the codec decodes it."""
    return PublishPacket(topic, payload, qos=QoS.AT_LEAST_ONCE, packet_id=1, **properties)


def mqtt_to_kafka(
    *, subscribed: str = "plant/{line}/{device}/telemetry", retained: str = "Include", **to: object
) -> MqttToKafka:
    """Return a mapping named `telemetry`; what is given goes under `to`."""
    return MqttToKafka.model_validate(
        {
            "name": "telemetry",
            "from": {"filter": subscribed, "retained": retained},
            "to": {"topic": "plant.telemetry"} | to,
        }
    )


def kafka_to_mqtt(**to: object) -> KafkaToMqtt:
    """Return a mapping named `commands`; what is given goes under `to`."""
    return KafkaToMqtt.model_validate(
        {
            "name": "commands",
            "from": {"topics": ["plant.commands"]},
            "to": {"topic": "plant/{key}/command"} | to,
        }
    )
