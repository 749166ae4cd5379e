"""Where a consumer group begins: `startFrom`, resolved once and written down.

A topic in which the group has no commit at all is new to the group: its partitions begin as
`startFrom` says. A single process commits these positions at once, whether or not a record ever
comes; of several, one writes them into the coordination topic, for all. From then on a partition
without a commit, and not among those written down, can only be one that was added, and begins at
its start: with "latest" it would lose what was written before it was noticed.
"""

from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.flows import ports
from mqtt_kafka_bridge.flows.coordination_port import Starts
from mqtt_kafka_bridge.kafka.commits import commit

Positions = Mapping[TopicPartition, int]


async def positions(
    consumer: AIOKafkaConsumer,
    mapping: KafkaToMqtt,
    assigned: Iterable[TopicPartition],
    starts: Starts | None,
) -> dict[TopicPartition, int]:
    """Return where to begin in each assigned partition, once it is written down.

    Without `starts` this member is the only one.

    Raises:
        KafkaError: as it comes; CommitFailedError when the group moved on in the meantime.
        BridgeError: as `Starts.start`.
    """
    mine = set(assigned)
    everything = mine | _all_partitions(consumer, mapping.from_.topics)
    coordinator = consumer._coordinator  # noqa: SLF001 - `committed` asks for one at a time
    stored = await coordinator.fetch_committed_offsets(sorted(everything))
    committed = {partition: found.offset for partition, found in stored.items()}

    if starts is None:
        # The whole topic and not only what is mine: of a topic with a commit, the rest was added.
        begun = await _first(consumer, mapping, everything, committed)
    else:

        async def resolve() -> dict[ports.TopicPartition, int]:
            first = await _first(consumer, mapping, everything, committed)
            return _ours(await _with_added(consumer, {**first, **committed}, everything))

        recorded = await starts.start(mapping.name, resolve)
        begun = {
            place: recorded[ports.TopicPartition(*place)]
            for place in sorted(mine - committed.keys())
            if ports.TopicPartition(*place) in recorded
        }
    if begun:
        await commit(consumer, begun)
    return await _with_added(consumer, {**begun, **committed}, sorted(mine))


def _all_partitions(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> set[TopicPartition]:
    return {
        TopicPartition(topic, number)
        for topic in topics
        for number in consumer.partitions_for_topic(topic) or ()
    }


def _ours(positions: Positions) -> dict[ports.TopicPartition, int]:
    return {ports.TopicPartition(*place): position for place, position in positions.items()}


async def _first(
    consumer: AIOKafkaConsumer,
    mapping: KafkaToMqtt,
    everything: Iterable[TopicPartition],
    committed: Positions,
) -> Positions:
    """Return what `startFrom` resolves to in topics that are new to the group."""
    known_topics = {partition.topic for partition in committed}
    new = [each for each in everything if each.topic not in known_topics]
    if not new:
        return {}
    earliest = mapping.from_.start_from == "Earliest"
    ask = consumer.beginning_offsets if earliest else consumer.end_offsets
    resolved: Positions = await ask(new)
    return resolved


async def _with_added(
    consumer: AIOKafkaConsumer, begun: Positions, wanted: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return positions of the wanted partitions, at their start where none is known."""
    added = [each for each in wanted if each not in begun]
    known = {**begun, **(await consumer.beginning_offsets(added) if added else {})}
    return {partition: known[partition] for partition in wanted}
