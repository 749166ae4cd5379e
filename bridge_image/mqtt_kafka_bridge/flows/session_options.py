"""How the session of a mapping connects, and what it subscribes to."""

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.connection import Mqtt
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.mapping.names import share_filter
from mqtt_kafka_bridge.mqtt.session import Options
from mqtt_kafka_bridge.mqtt.subscribing import Subscription

_RETAIN_HANDLING = {"Include": 1, "Only": 1, "Skip": 2}


def options(mqtt: Mqtt, client_id: str) -> Options:
    """Return how to connect: always without a clean start, or a broker would not save it."""
    return Options(
        client_id=client_id,
        clean_start=False,
        session_expiry_seconds=int(mqtt.session_expiry.total_seconds()),
        keep_alive_seconds=int(mqtt.keep_alive.total_seconds()),
        receive_maximum=mqtt.receive_maximum,
        maximum_packet_size=mqtt.maximum_packet_size,
    )


def subscription(config: BridgeConfig, mapping: MqttToKafka) -> Subscription:
    """Return what to subscribe to."""
    source = mapping.from_
    handling = _RETAIN_HANDLING[source.retained]
    return Subscription(share_filter(config, mapping), source.qos, handling)
