"""What a mapping knows of its topics: which missing one it waits for, and which it does not."""

from collections.abc import Callable

import pytest

from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError, RefusedError
from mqtt_kafka_bridge.flows.topics import MISSING_SECONDS, Topics, UnknownTopic, fixed_topic
from tests.support.simulation.clock import SimulatedLoop
from tests.support.simulation.kafka_cluster import cluster_of
from tests.support.simulation.kafka_log import KafkaState
from tests.support.simulation.kafka_producer import SimulatedProducer
