"""What `onError` says, for a mapping from Kafka; from MQTT, `Writing` does it in its lanes."""

from typing import NamedTuple

from mqtt_kafka_bridge.contract.mappings import OnError
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.flows.dead_letters import DeadLetters
from mqtt_kafka_bridge.flows.outcomes import Outcomes
from mqtt_kafka_bridge.flows.ports import TopicPartition
from mqtt_kafka_bridge.mapping.messages import SourceRecord


class Stop(NamedTuple):
    """The record that stops the mapping."""

    number: int
    error: RefusedError


class Refusals:
    """Records that can't be forwarded.

    Args:
        on_error: what to do with them.
        outcomes: where it is noted.
        dead_letters: where they may go.
    """

    def __init__(self, on_error: OnError, outcomes: Outcomes, dead_letters: DeadLetters) -> None:
        self.stop: Stop | None = None
        self._on_error = on_error
        self._outcomes = outcomes
        self._dead_letters = dead_letters

    def refuse(
        self, number: int, record: SourceRecord, partition: TopicPartition, error: RefusedError
    ) -> bool:
        """Do what `onError` says with a record; return whether the next may follow."""
        match self._on_error:
            case "Stop":
                if self.stop is None or number < self.stop.number:
                    self.stop = Stop(number, error)
                return False
            case "Drop":
                self._outcomes.note(number, "dropped", error.reason)
            case "DeadLetter":
                self._outcomes.note(number, "dead_lettered", error.reason)
                self._dead_letters.add(number, record, partition, error)
        return True

    def oldest(self, default: int) -> int:
        """Return the smallest number that may not be finished yet, or `default`."""
        oldest = self._dead_letters.oldest(default)
        return oldest if self.stop is None else min(oldest, self.stop.number)

    def start_over(self) -> None:
        """Forget records that are going to be read again."""
        self.stop = None
        self._dead_letters.forget()
