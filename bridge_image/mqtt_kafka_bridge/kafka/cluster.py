"""The Kafka port of the flows: one cluster, as one process uses it."""

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.flows.coordination_port import Coordination, Starts
from mqtt_kafka_bridge.flows.ports import ConsumerEvents, RecordConsumer, RecordProducer
from mqtt_kafka_bridge.kafka.causes import explain, is_too_large
from mqtt_kafka_bridge.kafka.consumer import open_consumer
from mqtt_kafka_bridge.kafka.coordination import open_coordination
from mqtt_kafka_bridge.kafka.producer import open_producer


class Cluster:
    """The cluster of a configuration, and the name of this process in it."""

    def __init__(self, config: BridgeConfig, pod: str) -> None:
        self._config = config
        self._pod = pod

    async def open_producer(self, mapping: str) -> RecordProducer:
        """Connect a producer for a mapping. Raises BridgeError."""
        return await open_producer(self._config, mapping, self._pod)

    async def open_consumer(
        self, mapping: KafkaToMqtt, events: ConsumerEvents, starts: Starts | None
    ) -> RecordConsumer:
        """Connect a consumer and join the mapping's group. Raises BridgeError."""
        return await open_consumer(self._config, mapping, self._pod, events, starts)

    async def open_coordination(self) -> Coordination:
        """Take part in the coordination. Raises BridgeError."""
        return await open_coordination(self._config, self._pod)

    def explain(self, error: BaseException) -> BridgeError:
        """Return what a failed batch means, and its cure."""
        return explain(error)

    def is_too_large(self, error: BaseException) -> bool:
        """Whether a batch was refused for its size."""
        return is_too_large(error)
