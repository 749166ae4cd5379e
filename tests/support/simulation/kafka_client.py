"""As much of an aiokafka consumer as the real code needs that finds out where a group begins."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.structs import OffsetAndMetadata

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.flows import ports
from mqtt_kafka_bridge.flows.coordination_port import Starts
from mqtt_kafka_bridge.kafka import start
from tests.support.simulation.kafka_log import KafkaState
from tests.support.simulation.life import Life


class Beginning(NamedTuple):
    """Where a mapping begins to read, by the real code."""

    mapping: KafkaToMqtt
    starts: Starts | None

    async def find(
        self, client: "KafkaClient", places: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return where to begin in these partitions; raises as the real code does."""
        return await start.positions(client, self.mapping, places, self.starts)


class _Member(Protocol):
    fenced: bool


class KafkaClient:
    """Its names are aiokafka's.

    Args:
        state: the cluster.
        life: the process.
        commits: the group's.
        member: who asks.
    """

    def __init__(
        self,
        state: KafkaState,
        life: Life,
        commits: dict[ports.TopicPartition, int],
        member: _Member,
    ) -> None:
        self._coordinator = self
        self._state = state
        self._life = life
        self._commits = commits
        self._member = member

    @property
    def generation(self) -> int:
        """Of the group, or -1 if it threw this member out."""
        return -1 if self._member.fenced else 1

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the partitions of a topic."""
        known = self._state.topics.get(topic)
        return None if known is None else set(range(len(known.logs)))

    async def ensure_coordinator_known(self) -> None:
        """Wait for an answer."""
        await self._state.answer(self._life)

    async def fetch_committed_offsets(
        self, places: Iterable[TopicPartition]
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """Return what is committed."""
        await self._state.answer(self._life)
        found = {place: self._commits.get(ports.TopicPartition(*place)) for place in places}
        return {
            place: OffsetAndMetadata(offset, "")
            for place, offset in found.items()
            if offset is not None
        }

    async def beginning_offsets(
        self, places: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return where logs begin: nothing is deleted here."""
        await self._state.answer(self._life)
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where logs end."""
        await self._state.answer(self._life)
        topics = self._state.topics
        return {place: topics[place.topic].logs[place.partition].end for place in places}

    async def _do_commit_offsets(
        self, _: object, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> None:
        await self._state.answer(self._life)
        if self._member.fenced or not self._life.alive:
            raise kafka_errors.UnknownMemberIdError
        for place, committed in offsets.items():
            self._commits[ports.TopicPartition(*place)] = committed.offset
