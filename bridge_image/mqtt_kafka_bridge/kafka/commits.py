"""Commit positions, by a member of a group, so that it can be cancelled."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.structs import OffsetAndMetadata

_RETRY_SECONDS: Final = 0.1
_MOVED_ON: Final = (
    kafka_errors.UnknownMemberIdError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.RebalanceInProgressError,
)


async def commit(consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int]) -> None:
    """Commit positions, trying again until cancelled while Kafka does not answer.

    aiokafka's own `commit` shields a task that nobody looks after when it is cancelled, and takes
    positions of assigned partitions only.

    Raises:
        KafkaError: Kafka refuses; CommitFailedError when the group has moved on.
    """
    coordinator: Any = consumer._coordinator  # noqa: SLF001
    values = {place: OffsetAndMetadata(position, "") for place, position in positions.items()}
    while True:
        await coordinator.ensure_coordinator_known()
        # Without a generation Kafka takes a commit for an outsider's, and believes it if the group
        # is empty: a member that was thrown out could set back what its successor has committed.
        if coordinator.generation < 0:
            raise kafka_errors.CommitFailedError("not a member")
        try:
            await coordinator._do_commit_offsets(None, values)  # noqa: SLF001
        except _MOVED_ON as error:
            raise kafka_errors.CommitFailedError("the group has moved on") from error
        except kafka_errors.KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
