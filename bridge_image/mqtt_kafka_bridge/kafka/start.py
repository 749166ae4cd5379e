"""Where a consumer group begins: `startFrom`, resolved once and written down as commits.

A topic in which the group has no commit at all is new to the group: its partitions begin as
`startFrom` says, and these positions are committed at once, whether or not a record ever comes.
From then on a partition without a commit can only be one that was added, and begins at its start:
with "latest" it would lose what was written before it was noticed.
"""

from collections.abc import Iterable
from typing import Literal

from aiokafka import AIOKafkaConsumer, TopicPartition

from mqtt_kafka_bridge.kafka.commits import commit


async def positions(
    consumer: AIOKafkaConsumer,
    topics: Iterable[str],
    assigned: Iterable[TopicPartition],
    start_from: Literal["Earliest", "Latest"],
) -> dict[TopicPartition, int]:
    """Return where to begin in each assigned partition, committing what `startFrom` resolves to.

    Raises:
        KafkaError: as it comes; CommitFailedError when the group moved on in the meantime.
    """
    mine = set(assigned)
    everything = mine | {
        TopicPartition(topic, number)
        for topic in topics
        for number in consumer.partitions_for_topic(topic) or ()
    }
    coordinator = consumer._coordinator  # noqa: SLF001 - `committed` asks for one at a time
    stored = await coordinator.fetch_committed_offsets(sorted(everything))
    begun = {partition: committed.offset for partition, committed in stored.items()}
    known_topics = {partition.topic for partition in begun}
    # The whole topic and not only what is mine, or another member would take the rest for added.
    first_time = [each for each in everything if each.topic not in known_topics]
    if first_time:
        ask = consumer.beginning_offsets if start_from == "Earliest" else consumer.end_offsets
        resolved = await ask(first_time)
        await commit(consumer, resolved)
        begun |= resolved
    added = [each for each in mine if each not in begun]
    if added:
        begun |= await consumer.beginning_offsets(added)
    return {partition: begun[partition] for partition in mine}
