"""What every flow of a process is made with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.flows.budget import Budget
from mqtt_kafka_bridge.flows.coordination_port import Starts
from mqtt_kafka_bridge.flows.ports import Kafka
from mqtt_kafka_bridge.mqtt.dialing import Dial
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of one process that its flows share.

    Args:
        config: the whole configuration.
        pod: the name of this process among its like.
        kafka: where producers and consumers come from.
        dial: opens connections to the MQTT broker.
        buffer: the loop's read buffer.
        budget: the limit of bytes in flight.
        now: the wall clock.
        starts: where it is recorded where mappings from Kafka began, once that is known.
    """

    config: BridgeConfig
    pod: str
    kafka: Kafka
    dial: Dial
    buffer: ReadBuffer
    budget: Budget
    now: Callable[[], datetime]
    starts: Callable[[], Awaitable[Starts | None]]
