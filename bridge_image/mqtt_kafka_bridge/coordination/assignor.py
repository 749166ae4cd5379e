"""Which member of the group gets which slots: sticky, and even by the sessions in them.

The group's leader decides for all; members tell it what it needs in their user data. No library's
assignor is used: theirs are even by partitions, and a slot may hold no session or several.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_Number = Annotated[int, Field(ge=0)]
_Data = TypeVar("_Data", bound="_UserData")


@dataclass(frozen=True, slots=True)
class Member:
    """What the leader knows of a member.

    Args:
        id: by which the group knows it.
        instance: the name of this life of its process.
        pod: the name of the process among its like.
        generation: of its configuration.
        group_generation: the latest in which it was assigned `slots`; -1 before the first.
        slots: those that it runs now.
        weights: how many sessions each slot holds, as far as it knows; none: 0.
    """

    id: str
    instance: str
    pod: str
    generation: int
    group_generation: int
    slots: frozenset[int]
    weights: Mapping[int, int]


def assign(members: Sequence[Member], slots: int) -> dict[str, frozenset[int]]:
    """Give each slot to one member.

    Where no two sessions share a slot, no member gets two sessions more than another. In any case
    no slot can be moved that would make the two members concerned more alike. The slots
    without sessions are evened out too: the next mapping may need them.
    """
    if not members:
        return {}
    known = max(members, key=lambda it: (it.generation, it.group_generation, it.id)).weights
    weights = {slot: known.get(slot, 0) for slot in range(slots)}
    owners = _owners(members)
    ids = [member.id for member in members]
    used = _even({slot: weight for slot, weight in weights.items() if weight}, owners, ids)
    empty = _even({slot: 1 for slot, weight in weights.items() if not weight}, owners, ids)
    return {member: frozenset(used[member] | empty[member]) for member in ids}


def _owners(members: Iterable[Member]) -> dict[int, str]:
    """Return who owns each slot; of two, the one that was assigned it later."""
    owners: dict[int, str] = {}
    for member in sorted(members, key=lambda it: (it.group_generation, it.id)):
        owners |= dict.fromkeys(member.slots, member.id)
    return owners


def _even(
    weights: Mapping[int, int], owners: Mapping[int, str], ids: Sequence[str]
) -> dict[str, set[int]]:
    """Return the slots of each member, moved from their owners only as far as needed."""
    shares: dict[str, set[int]] = {member: set() for member in ids}
    loads = dict.fromkeys(ids, 0)

    def put(slot: int, member: str) -> None:
        shares[member].add(slot)
        loads[member] += weights[slot]

    def least_loaded() -> str:
        return min(ids, key=lambda member: (loads[member], member))

    for slot in weights.keys() & owners.keys():
        put(slot, owners[slot])
    for slot in sorted(weights.keys() - owners.keys(), key=lambda it: (-weights[it], it)):
        put(slot, least_loaded())
    while True:
        receiver = least_loaded()
        move = _next_move(weights, shares, loads, receiver)
        if move is None:
            return shares
        giver, slot = move
        shares[giver].remove(slot)
        loads[giver] -= weights[slot]
        put(slot, receiver)


def _next_move(
    weights: Mapping[int, int],
    shares: Mapping[str, set[int]],
    loads: Mapping[str, int],
    receiver: str,
) -> tuple[str, int] | None:
    """Return who gives which slot to the receiver, so that the two become more alike."""
    for giver in sorted(shares, key=lambda member: (-loads[member], member)):
        gap = loads[giver] - loads[receiver]
        fitting = [slot for slot in shares[giver] if weights[slot] < gap]
        if fitting:
            # The nearer to half the gap, the fewer moves follow.
            return giver, min(fitting, key=lambda slot: (abs(gap - 2 * weights[slot]), slot))
    return None


class _UserData(BaseModel):
    """Base of what members and leader tell each other; a later version may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    v: Literal[1] = 1

    def encode(self) -> bytes:
        return self.model_dump_json().encode()


class _MemberData(_UserData):
    instance: str
    pod: str
    generation: int
    group_generation: int
    slots: list[_Number]
    weights: dict[_Number, _Number]


class _AssignmentData(_UserData):
    present: list[str]


def encode_member(member: Member) -> bytes:
    """Return the user data by which a member tells the leader of itself."""
    return _MemberData(
        instance=member.instance,
        pod=member.pod,
        generation=member.generation,
        group_generation=member.group_generation,
        slots=sorted(member.slots),
        weights={slot: weight for slot, weight in sorted(member.weights.items()) if weight},
    ).encode()


def decode_member(member_id: str, user_data: bytes) -> Member | None:
    """Return what a member told; None if it is none of ours, which then gets no slot."""
    data = _decode(_MemberData, user_data)
    if data is None:
        return None
    return Member(
        member_id,
        data.instance,
        data.pod,
        data.generation,
        data.group_generation,
        frozenset(data.slots),
        data.weights,
    )


def encode_present(members: Iterable[Member]) -> bytes:
    """Return the user data of an assignment: the instances of all members."""
    return _AssignmentData(present=sorted(member.instance for member in members)).encode()


def decode_present(user_data: bytes) -> frozenset[str] | None:
    """Return the instances of all members; None if no leader of ours assigned."""
    data = _decode(_AssignmentData, user_data)
    return None if data is None else frozenset(data.present)


def _decode(model: type[_Data], user_data: bytes) -> _Data | None:
    try:
        return model.model_validate_json(user_data)
    except ValidationError:
        return None
