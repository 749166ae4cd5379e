"""The members' side of the assignor: how aiokafka asks it, and what it was last told.

An object for each member, where aiokafka's own assignors are classes that keep their state on
themselves (aiokafka #1175).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from mqtt_kafka_bridge.coordination.assignor import (
    Member,
    assign,
    decode_member,
    decode_present,
    encode_member,
    encode_present,
)

_FORMAT: Final = 0
"""Version of the consumer protocol's envelope."""


class Share(NamedTuple):
    """What the leader gave to this member."""

    slots: frozenset[int]
    present: frozenset[str]


class SlotAssignor:
    """What aiokafka calls an assignor.

    Args:
        topic: the coordination topic.
        slots: how many there are.
        myself: returns what to tell the leader at this moment.
        assigned: is told of each assignment.
    """

    # Another name keeps a member out that would assign by other rules.
    name = "mqttkafka.slots"

    def __init__(
        self,
        topic: str,
        slots: int,
        *,
        myself: Callable[[], Member],
        assigned: Callable[[Share], None],
    ) -> None:
        self._topic = topic
        self._slots = slots
        self._myself = myself
        self._assigned = assigned

    def metadata(self, topics: Iterable[str]) -> Any:  # noqa: ANN401 - aiokafka has no types
        """Return what this member tells the leader."""
        return ConsumerProtocolMemberMetadata(
            _FORMAT, sorted(topics), encode_member(self._myself())
        )

    def assign(self, _cluster: object, members: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the leader tells each member; one that is none of ours gets nothing."""
        ours = [
            member
            for member_id, metadata in members.items()
            if (member := decode_member(member_id, metadata.user_data)) is not None
        ]
        shares = assign(ours, self._slots)
        told = encode_present(ours)
        return {
            member_id: ConsumerProtocolMemberAssignment(
                _FORMAT, [(self._topic, sorted(shares.get(member_id, ())))], told
            )
            for member_id in members
        }

    def on_assignment(self, assignment: Any) -> None:  # noqa: ANN401
        """Take what the leader told this member."""
        present = decode_present(assignment.user_data)
        # A leader that is none of ours does not know who is alive: then nothing may be claimed.
        slots = () if present is None else (each.partition for each in assignment.partitions())
        self._assigned(Share(frozenset(slots), present or frozenset()))
