"""Where mappings from Kafka began: resolved by one pod, recorded in the coordination topic for all.

The pod is the one that has the mapping's slot. It proves that before it resolves and after it has
recorded: so its successor, which reads the topic after its own assignment, finds the record.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.coordination.records import StartRecord, start_key
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.errors import LeaseRefusedError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Coordination, Resolve
from mqtt_kafka_bridge.flows.ports import TopicPartition

WAIT_SECONDS: Final = 8.0
"""How long to wait for the pod whose slot it is."""
_MEMBER: Final = 0


async def recorded_start(
    coordination: Coordination, mapping: str, resolve: Resolve
) -> Mapping[TopicPartition, int]:
    """Return where a mapping began; resolve and record it if nobody has, and it is ours to do.

    Raises:
        BridgeError: Kafka did not answer, or forbids it; or nobody has recorded it yet.
    """
    slot = slot_of(mapping, _MEMBER, coordination.slots)
    clock = asyncio.get_running_loop().time
    deadline = clock() + WAIT_SECONDS
    await coordination.catch_up()
    while (begun := _recorded(coordination, mapping)) is None:
        assignment = coordination.assignment
        if assignment is not None and slot in assignment.slots:
            try:
                return await _record(coordination, slot, mapping, resolve)
            except LeaseRefusedError:
                continue  # Whoever has the slot now does it.
        remaining = deadline - clock()
        if remaining <= 0:
            raise PassingError(
                Reason.STARTING,
                f"no pod has recorded yet where {mapping} begins; the one that runs slot {slot}"
                " does it",
                "wait; if it stays, see that all pods have the same configuration",
            )
        await coordination.bell.wait(remaining)
    return begun


async def _record(
    coordination: Coordination, slot: int, mapping: str, resolve: Resolve
) -> Mapping[TopicPartition, int]:
    """Record where a mapping begins, unless another pod did so before it lost the slot.

    Raises:
        LeaseRefusedError: the slot is not ours (any more).
    """
    await coordination.prove(slot)
    await coordination.catch_up()
    if (begun := _recorded(coordination, mapping)) is not None:
        return begun
    positions: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for (topic, partition), position in (await resolve()).items():
        positions[topic][partition] = position
    record = StartRecord(positions=positions)
    await coordination.write(slot, start_key(mapping), record.encode())
    await coordination.prove(slot)
    await coordination.catch_up()
    return _recorded(coordination, mapping) or _flat(record)


def _recorded(coordination: Coordination, mapping: str) -> Mapping[TopicPartition, int] | None:
    record = coordination.view.starts.get(mapping)
    return None if record is None else _flat(record)


def _flat(record: StartRecord) -> Mapping[TopicPartition, int]:
    return {
        TopicPartition(topic, partition): position
        for topic, partitions in record.positions.items()
        for partition, position in partitions.items()
    }
