"""The simulated Kafka as flows see it, for one process at a time."""

from collections.abc import Callable

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Coordination, Starts
from mqtt_kafka_bridge.flows.ports import (
    ConsumerEvents,
    RecordConsumer,
    RecordProducer,
    TopicPartition,
)
from tests.support.simulation.coordination import Shared, SimulatedCoordination
from tests.support.simulation.kafka_client import Beginning
from tests.support.simulation.kafka_consumer import SimulatedConsumer
from tests.support.simulation.kafka_group import Group
from tests.support.simulation.kafka_log import Record
from tests.support.simulation.kafka_producer import SimulatedProducer, TooLargeError
from tests.support.simulation.life import Life


class SimulatedKafka:
    """The port, as one process holds it.

    Args:
        shared: the cluster.
        config: the configuration.
        life: the process.
        finished: whether a record from Kafka has met its fate.
        spent: called when a producer ends with work undone, with its mapping's name.
        given_up: called when a consumer ends or its partitions were taken away, with why.
    """

    def __init__(
        self,
        shared: Shared,
        config: BridgeConfig,
        life: Life,
        finished: Callable[[TopicPartition, Record], bool],
        spent: Callable[[str], None],
        given_up: Callable[[str], None],
    ) -> None:
        self._state = shared.state
        self._shared = shared
        self._groups = shared.groups
        self._config = config
        self._life = life
        self._finished = finished
        self._spent = spent
        self._given_up = given_up

    async def open_producer(self, mapping: str) -> RecordProducer:
        """Connect a producer."""
        await self._state.answer(self._life)
        return SimulatedProducer(self._state, self._life, lambda: self._spent(mapping))

    async def open_coordination(self) -> Coordination:
        """Take part in the coordination."""
        await self._state.answer(self._life)
        return SimulatedCoordination(self._shared, self._life, self._config)

    async def open_consumer(
        self, mapping: KafkaToMqtt, events: ConsumerEvents, starts: Starts | None
    ) -> RecordConsumer:
        """Connect a consumer and join the group."""
        await self._state.answer(self._life)
        name = f"{self._config.group_prefix}.{mapping.name}"
        if name not in self._groups:
            self._groups[name] = Group(self._state, name, mapping.from_.topics)
        group = self._groups[name]
        consumer = SimulatedConsumer(
            self._state,
            group,
            Beginning(mapping, starts),
            events,
            self._life,
            self._finished,
            self._given_up,
        )
        group.join(consumer)
        return consumer

    def explain(self, error: BaseException) -> BridgeError:
        """Return what a failed batch means."""
        if isinstance(error, BridgeError):
            return error
        return PassingError(Reason.KAFKA_WRITE_FAILED, str(error))

    def is_too_large(self, error: BaseException) -> bool:
        """Whether a batch was refused for its size."""
        return isinstance(error, TooLargeError)
