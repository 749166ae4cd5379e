"""The mapping core as tests use it: one message through a mapping of the bridge `local/plant`."""

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt, MqttToKafka
from mqtt_kafka_bridge.mapping.inbound import Converted, InboundRouter, Skipped
from mqtt_kafka_bridge.mapping.messages import InboundMessage, SourceRecord
from mqtt_kafka_bridge.mapping.outbound import OutboundRouter, Publication

NOW_MS = 1_000_000


def inbound(mapping: MqttToKafka, *, loop_guard: bool = True) -> InboundRouter:
    """Return a mapping from MQTT, compiled."""
    return InboundRouter(mapping, identity="local/plant", loop_guard=loop_guard)


def outbound(mapping: KafkaToMqtt, *, loop_guard: bool = True) -> OutboundRouter:
    """Return a mapping from Kafka, compiled."""
    return OutboundRouter(mapping, identity="local/plant", loop_guard=loop_guard)


def to_kafka(
    mapping: MqttToKafka, message: InboundMessage, *, loop_guard: bool = True
) -> Converted | Skipped:
    """Return what becomes of a message."""
    router = inbound(mapping, loop_guard=loop_guard)
    return router.convert(router.route(message.topic), message)


def converted(
    mapping: MqttToKafka, message: InboundMessage, *, loop_guard: bool = True
) -> Converted:
    """Return the record that a message becomes."""
    record = to_kafka(mapping, message, loop_guard=loop_guard)
    assert isinstance(record, Converted)
    return record


def to_mqtt(
    mapping: KafkaToMqtt, record: SourceRecord, now_ms: int = NOW_MS, *, loop_guard: bool = True
) -> Publication | Skipped:
    """Return what becomes of a record in partition 3 of plant.commands."""
    router = outbound(mapping, loop_guard=loop_guard)
    return router.convert(record, "plant.commands", 3, now_ms)


def published(
    mapping: KafkaToMqtt, record: SourceRecord, now_ms: int = NOW_MS, *, loop_guard: bool = True
) -> Publication:
    """Return the message that a record becomes."""
    publication = to_mqtt(mapping, record, now_ms, loop_guard=loop_guard)
    assert isinstance(publication, Publication)
    return publication
