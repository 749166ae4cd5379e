"""What a mapping knows of the Kafka topics that it writes to, during one producer's life."""

from collections.abc import Callable

from mqtt_kafka_bridge.contract.filters import parse_filter
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.contract.templates import inbound_scope, parse_template
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, RefusedError
from mqtt_kafka_bridge.flows.ports import RecordProducer, Topic

MISSING_SECONDS = 10.0
"""How long the answer is believed that a topic does not exist."""


class UnknownTopic(Exception):  # noqa: N818 - no error: it says what to look up
    """Routing can't go on before this topic has been looked up."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def fixed_topic(mapping: MqttToKafka) -> str | None:
    """Return the Kafka topic of a mapping, or None if it depends on the message."""
    levels = parse_filter(mapping.from_.filter).names
    parts = parse_template(mapping.to.topic, inbound_scope(levels))
    words = [part for part in parts if isinstance(part, str)]
    return "".join(words) if len(words) == len(parts) else None


def replication_risk(name: str, topic: Topic) -> Trouble | None:
    """Return why a topic may lose what it has acknowledged, if it may."""
    if topic.min_insync_replicas != 1:
        return None
    return Trouble(
        reason=Reason.MIN_INSYNC_REPLICAS,
        message=f"the topic {name} has min.insync.replicas 1: a broker that fails may take"
        " acknowledged records with it",
        cure=f"kafka-configs.sh --alter --topic {name} --add-config min.insync.replicas=2",
    )


class Topics:
    """Topics by name.

    Args:
        producer: where they are looked up.
        fixed: the mapping's target if it is one topic, for which the mapping waits; None if it is
            a template, whose missing topics are the message's own trouble.
        dead_letters: the dead-letter topic, created when it is missing.
        batch_limits: batches, in bytes, that a topic turned out to take; outlives a producer.
        now: the loop's clock, in seconds.
    """

    def __init__(
        self,
        producer: RecordProducer,
        fixed: str | None,
        dead_letters: str,
        batch_limits: dict[str, int],
        now: Callable[[], float],
    ) -> None:
        self.dead_letters = dead_letters
        self._producer = producer
        self._fixed = fixed
        self._batch_limits = batch_limits
        self._now = now
        self._known: dict[str, Topic] = {}
        self._refused: dict[str, tuple[float, BridgeError]] = {}

    def find(self, name: str) -> Topic:
        """Return a topic that has been looked up.

        Raises:
            UnknownTopic: look it up first.
            RefusedError: it does not exist, or may not be written.
        """
        topic = self._known.get(name)
        if topic is not None:
            return topic
        until, error = self._refused.get(name, (0.0, None))
        if error is None or until < self._now():
            raise UnknownTopic(name)
        raise RefusedError(error.reason.value, error.message)

    def max_batch_bytes(self, name: str) -> int:
        """Return the largest batch for a topic that `find` knows; one record always fits."""
        largest = self._known[name].max_record_bytes
        return min(self._batch_limits.get(name, largest), largest)

    async def learn(self, name: str) -> Topic | None:
        """Look a topic up, so that `find` knows it.

        Raises:
            BridgeError: the mapping has to wait: the topic is its fixed target or its dead-letter
                topic and can't be used, or Kafka did not answer.
        """
        try:
            topic = await self._look_up(name)
        except MustFixError as error:
            if name == self._fixed:
                raise
            if name == self.dead_letters:
                raise MustFixError(
                    Reason.DEAD_LETTER_BLOCKED,
                    f"a message can't be forwarded, nor be written to the dead-letter topic:"
                    f" {error.message}",
                    error.cure,
                ) from error
            self._refused[name] = self._now() + MISSING_SECONDS, error
            return None
        self._known[name] = topic
        return topic

    async def _look_up(self, name: str) -> Topic:
        try:
            return await self._producer.topic(name)
        except MustFixError as error:
            if name != self.dead_letters or error.reason is not Reason.TOPIC_MISSING:
                raise
        await self._producer.create_topic(name)
        return await self._producer.topic(name)

    @property
    def grown(self) -> dict[str, int]:
        """Topics that have more partitions than `find` says, and how many."""
        now = {name: self._producer.partitions(name) for name in self._known}
        return {
            name: partitions
            for name, partitions in now.items()
            if partitions is not None and partitions > self._known[name].partitions
        }

    def grow(self) -> None:
        """Take over the partitions that were added."""
        for name, partitions in self.grown.items():
            self._known[name] = self._known[name]._replace(partitions=partitions)
