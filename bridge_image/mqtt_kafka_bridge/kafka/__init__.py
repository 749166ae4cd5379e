"""Kafka: the only package that imports aiokafka.

`Cluster` is the port of flows, and `preflight` says why Kafka can't be used.
"""

from mqtt_kafka_bridge.kafka.causes import explain, is_too_large
from mqtt_kafka_bridge.kafka.cluster import Cluster
from mqtt_kafka_bridge.kafka.consumer import open_consumer
from mqtt_kafka_bridge.kafka.coordination import open_coordination
from mqtt_kafka_bridge.kafka.preflight import preflight
from mqtt_kafka_bridge.kafka.producer import open_producer

__all__ = [
    "Cluster",
    "explain",
    "is_too_large",
    "open_consumer",
    "open_coordination",
    "open_producer",
    "preflight",
]
