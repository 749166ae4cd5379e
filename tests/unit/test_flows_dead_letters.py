"""Dead letters of a mapping from Kafka: a commit waits for them, and for nothing younger."""

from datetime import UTC, datetime

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.flows.budget import Budget
from mqtt_kafka_bridge.flows.dead_letters import DeadLetters
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.ports import TopicPartition
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from tests.support.simulation.kafka_log import Record


def dead_letters() -> DeadLetters:
    """Return those of a mapping that has not begun to write any."""
    config = BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "mqtt": {"servers": ["mqtt://broker"]},
            "kafka": {"bootstrapServers": ["kafka:9092"]},
        }
    )
    parts = Parts(
        config=config,
        pod="p",
        kafka=None,  # type: ignore[arg-type] # nothing is opened before `run`
        dial=None,  # type: ignore[arg-type] # nor here ever
        buffer=ReadBuffer(1),
        budget=Budget(1, 1),
        now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        starts=None,  # type: ignore[arg-type] # for consumers
    )
    return DeadLetters(parts, "orders", lambda _: None, lambda: None)


def test_the_oldest_unfinished_record_is_the_older_of_both() -> None:
    """A dead letter that waits must not hide an older record that is not acknowledged yet."""
    letters = dead_letters()
    assert letters.oldest(5) == 5

    letters.add(
        11, Record(11, -1, None, b"x", []), TopicPartition("t", 0), RefusedError("Bad", "it is")
    )

    assert letters.oldest(5) == 5
    assert letters.oldest(20) == 11


def test_forgotten_letters_hold_nothing_back() -> None:
    """Their records are read again."""
    letters = dead_letters()
    letters.add(
        11, Record(11, -1, None, b"x", []), TopicPartition("t", 0), RefusedError("Bad", "it is")
    )

    letters.forget()

    assert letters.oldest(20) == 20
