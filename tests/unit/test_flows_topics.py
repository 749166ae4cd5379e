"""What a mapping knows of its topics: which missing one it waits for, and which it does not."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import cast

import pytest

from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError, PassingError, RefusedError
from mqtt_kafka_bridge.flows.ports import Topic
from mqtt_kafka_bridge.flows.topics import (
    MISSING_SECONDS,
    Topics,
    UnknownTopic,
    fixed_topic,
    replication_risk,
)
from tests.support.simulation.clock import SimulatedLoop
from tests.support.simulation.fates import Stored
from tests.support.simulation.journal import Journal
from tests.support.simulation.kafka_log import KafkaState
from tests.support.simulation.kafka_producer import METADATA_SECONDS, SimulatedProducer
from tests.support.simulation.life import Life


@dataclass
class Bench:
    """A cluster, a producer and a clock."""

    state: KafkaState
    life: Life
    limits: dict[str, int]
    now: float = 0.0

    def topics(self, fixed: str | None = "fixed") -> Topics:
        """Return what is known at the begin of a producer's life: nothing."""
        producer = SimulatedProducer(self.state, self.life, lambda: None)
        return Topics(producer, fixed, "dead", self.limits, lambda: self.now)


@pytest.fixture
async def bench() -> Bench:
    """A cluster with the topic `fixed` of three partitions, which takes 1000 bytes."""
    loop = cast("SimulatedLoop", asyncio.get_running_loop())  # what is used of it any loop has
    state = KafkaState(loop, Random(0), Journal(loop.time), Stored("dead"))
    state.create("fixed", 3, 1000)
    return Bench(state, Life(loop, "pod"), {})


@pytest.mark.parametrize(
    ("topic", "fixed"),
    [
        ("plant.telemetry", "plant.telemetry"),
        ("plant.{line}", None),
        ("{mqtt.topic}", None),
    ],
)
def test_a_topic_is_fixed_unless_a_name_stands_in_it(topic: str, fixed: str | None) -> None:
    """Only for a fixed one can a mapping wait: of the others there are any number."""
    mapping = MqttToKafka.model_validate(
        {"name": "m", "from": {"filter": "plant/{line}/t"}, "to": {"topic": topic}}
    )

    assert fixed_topic(mapping) == fixed


async def test_a_topic_has_to_be_looked_up_once(bench: Bench) -> None:
    """Routing stops until then, and does not ask again."""
    topics = bench.topics()
    with pytest.raises(UnknownTopic) as unknown:
        topics.find("fixed")
    assert unknown.value.name == "fixed"

    assert await topics.learn("fixed") == topics.find("fixed")
    assert topics.find("fixed").partitions == 3


async def test_a_mapping_waits_for_its_fixed_topic(bench: Bench) -> None:
    """Nothing of it may become a dead letter: it is the mapping's trouble, not a message's."""
    bench.state.delete("fixed")
    topics = bench.topics()

    with pytest.raises(MustFixError) as error:
        await topics.learn("fixed")

    assert error.value.reason is Reason.TOPIC_MISSING
    with pytest.raises(UnknownTopic):
        topics.find("fixed")


async def test_a_missing_topic_of_a_template_is_the_messages_trouble_for_a_while(
    bench: Bench,
) -> None:
    """Then it is looked up again: somebody may have created it."""
    topics = bench.topics(fixed=None)

    assert await topics.learn("room") is None
    bench.now = MISSING_SECONDS
    with pytest.raises(RefusedError) as refused:
        topics.find("room")
    assert refused.value.reason == "TopicMissing"

    bench.state.create("room", 1, 1000)
    bench.now += 0.1
    with pytest.raises(UnknownTopic):
        topics.find("room")
    await topics.learn("room")
    assert topics.find("room").partitions == 1


async def test_a_missing_dead_letter_topic_is_created(bench: Bench) -> None:
    """It is the bridge's own."""
    topics = bench.topics()

    await topics.learn("dead")

    assert topics.find("dead").partitions == 1
    assert "dead" in bench.state.topics


async def test_a_mapping_waits_while_its_dead_letters_can_not_be_written(bench: Bench) -> None:
    """And says so by a reason of its own."""
    bench.state.forbidden.add("dead")

    with pytest.raises(MustFixError) as error:
        await bench.topics().learn("dead")

    assert error.value.reason is Reason.DEAD_LETTER_BLOCKED
    assert "dead is forbidden" in error.value.message


async def test_no_answer_is_no_refusal(bench: Bench) -> None:
    """A message must not be given up because Kafka is away."""
    bench.state.fall(down=True)
    topics = bench.topics(fixed=None)

    with pytest.raises(PassingError):
        await topics.learn("room")

    with pytest.raises(UnknownTopic):
        topics.find("room")


async def test_a_batch_that_turned_out_too_large_bounds_batches_and_not_records(
    bench: Bench,
) -> None:
    """One record always fits into a batch of its own, and only Kafka knows whether it takes it."""
    topics = bench.topics()
    await topics.learn("fixed")
    assert topics.max_batch_bytes("fixed") == 1000

    bench.limits["fixed"] = 400

    assert topics.max_batch_bytes("fixed") == 400
    assert topics.find("fixed").max_record_bytes == 1000
    bench.limits["fixed"] = 4000
    assert topics.max_batch_bytes("fixed") == 1000


async def test_added_partitions_are_taken_over_and_missing_ones_are_not(bench: Bench) -> None:
    """Fewer partitions can only be a stale answer, or a topic that was created anew."""
    producer = SimulatedProducer(bench.state, bench.life, lambda: None)
    topics = Topics(producer, "fixed", "dead", {}, lambda: 0.0)
    await topics.learn("fixed")
    assert not topics.grown

    bench.state.add_partition("fixed")
    producer.age(METADATA_SECONDS + 1)
    assert topics.grown == {"fixed": 4}
    assert topics.find("fixed").partitions == 3
    topics.grow()
    assert topics.find("fixed").partitions == 4
    assert not topics.grown

    bench.state.delete("fixed")
    bench.state.create("fixed", 2, 1000)
    producer.age(METADATA_SECONDS + 1)
    assert not topics.grown
    assert topics.find("fixed").partitions == 4


@pytest.mark.parametrize(("in_sync", "risky"), [(1, True), (2, False), (None, False)])
def test_one_in_sync_replica_is_a_risk_and_not_knowing_is_none(
    in_sync: int | None, *, risky: bool
) -> None:
    """`acks=all` then means one broker."""
    risk = replication_risk("plant.telemetry", Topic(3, 1000, in_sync))

    assert (risk is not None) == risky
    assert risk is None or (
        risk.reason is Reason.MIN_INSYNC_REPLICAS and "plant.telemetry" in risk.cure
    )
