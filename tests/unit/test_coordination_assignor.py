"""How slots are shared among the members of the group."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.coordination.assignor import (
    Member,
    assign,
    decode_member,
    decode_present,
    encode_member,
    encode_present,
)

SLOTS = 16
Shares = dict[str, frozenset[int]]


def _member(
    name: str,
    slots: Sequence[int] | frozenset[int] = (),
    weights: Mapping[int, int] | None = None,
    *,
    generation: int = 1,
    group_generation: int = 1,
) -> Member:
    return Member(
        name,
        f"i-{name}",
        f"p-{name}",
        generation,
        group_generation,
        frozenset(slots),
        weights or {},
    )


def _loads(shares: Shares, weights: Mapping[int, int]) -> dict[str, int]:
    return {member: sum(weights.get(slot, 0) for slot in slots) for member, slots in shares.items()}


def _spread(numbers: Mapping[str, int]) -> int:
    return max(numbers.values()) - min(numbers.values())


def _moved(before: Sequence[Member], after: Shares) -> set[int]:
    """Return the slots that a member of then and now has no more."""
    return {
        slot for member in before if member.id in after for slot in member.slots - after[member.id]
    }


def _settled(members: Sequence[Member], shares: Shares) -> list[Member]:
    return [replace(member, slots=shares[member.id], group_generation=9) for member in members]


def _partition(owners: Sequence[int | None]) -> list[frozenset[int]]:
    """Return the slots of three members, from the owner of each."""
    return [
        frozenset(slot for slot, owner in enumerate(owners) if owner == name) for name in range(3)
    ]


owned = st.lists(st.none() | st.integers(0, 2), min_size=SLOTS, max_size=SLOTS).map(_partition)
few = st.dictionaries(st.integers(0, SLOTS - 1), st.just(1))
many = st.dictionaries(st.integers(0, SLOTS - 1), st.integers(0, 5))


def test_one_member_gets_everything() -> None:
    assert assign([_member("a")], SLOTS) == {"a": frozenset(range(SLOTS))}


def test_without_members_there_is_nothing_to_share() -> None:
    assert assign([], SLOTS) == {}


@settings(deadline=None)
@given(st.lists(st.frozensets(st.integers(0, SLOTS + 4)), max_size=7), many)
def test_each_slot_has_one_owner_whatever_members_say(
    claims: list[frozenset[int]], weights: dict[int, int]
) -> None:
    members = [
        _member(f"m{n}", slots, weights, group_generation=n) for n, slots in enumerate(claims)
    ]
    shares = assign(members, SLOTS)
    assert shares.keys() == {member.id for member in members}
    counted = Counter(slot for slots in shares.values() for slot in slots)
    assert counted == Counter(range(SLOTS) if members else ())


@settings(deadline=None)
@given(st.integers(1, 12), few, owned)
def test_no_member_has_two_sessions_more_than_another(
    count: int, weights: dict[int, int], owners: list[frozenset[int]]
) -> None:
    """Fresh members too: they get their share at once."""
    slots = [*owners, *[frozenset[int]()] * count][:count]
    members = [_member(f"m{n:02}", slots[n], weights) for n in range(count)]
    shares = assign(members, SLOTS)
    loads = _loads(shares, weights)
    assert _spread(loads) <= 1
    assert max(loads.values()) <= ceil(len(weights) / count)


@settings(deadline=None)
@given(few, owned)
def test_slots_without_sessions_are_evened_out_too(
    weights: dict[int, int], owners: list[frozenset[int]]
) -> None:
    members = [_member(name, slots, weights) for name, slots in zip("abc", owners, strict=True)]
    shares = assign(members, SLOTS)
    assert _spread({name: len(slots - weights.keys()) for name, slots in shares.items()}) <= 1


@settings(deadline=None)
@given(few, owned)
def test_as_few_sessions_move_as_can_be(
    weights: dict[int, int], owners: list[frozenset[int]]
) -> None:
    """Each member may keep its fair share, and as many as sessions are left over one more."""
    members = [_member(name, slots, weights) for name, slots in zip("abc", owners, strict=True)]
    before = [len(member.slots & weights.keys()) for member in members]
    fair, rest = divmod(len(weights), 3)
    above = sorted((max(0, load - fair) for load in before), reverse=True)
    too_many = sum(above) - sum(1 for over in above[:rest] if over)

    moved = _moved(members, assign(members, SLOTS)) & weights.keys()

    assert len(moved) == too_many


@settings(deadline=None)
@given(many, owned)
def test_no_single_move_would_make_two_members_more_alike(
    weights: dict[int, int], owners: list[frozenset[int]]
) -> None:
    members = [_member(name, slots, weights) for name, slots in zip("abc", owners, strict=True)]
    shares = assign(members, SLOTS)
    loads = _loads(shares, weights)
    least = min(loads.values())
    for member, slots in shares.items():
        for slot in slots:
            assert weights.get(slot, 0) == 0 or loads[member] - weights[slot] <= least


@settings(deadline=None)
@given(many, owned)
def test_an_assignment_that_is_even_stays_as_it_is(
    weights: dict[int, int], owners: list[frozenset[int]]
) -> None:
    members = [_member(name, slots, weights) for name, slots in zip("abc", owners, strict=True)]
    shares = assign(members, SLOTS)
    assert assign(_settled(members, shares), SLOTS) == shares


@settings(deadline=None)
@given(many, owned, st.randoms(use_true_random=False))
def test_every_leader_decides_alike(
    weights: dict[int, int], owners: list[frozenset[int]], chance: random.Random
) -> None:
    members = [_member(name, slots, weights) for name, slots in zip("abc", owners, strict=True)]
    shuffled = chance.sample(members, len(members))
    assert assign(shuffled, SLOTS) == assign(members, SLOTS)


def test_a_fresh_member_takes_only_its_share_and_others_swap_nothing() -> None:
    weights = dict.fromkeys(range(15), 1)
    first = [_member(name, (), weights) for name in "ab"]
    two = _settled(first, assign(first, SLOTS))
    three = [*two, _member("c", (), weights, group_generation=-1)]
    shares = assign(three, SLOTS)
    assert _loads(shares, weights) == {"a": 5, "b": 5, "c": 5}
    assert _moved(three, shares) == shares["c"]


def test_what_a_member_left_is_shared_and_nothing_else_moves() -> None:
    weights = dict.fromkeys(range(15), 1)
    first = [_member(name, (), weights) for name in "abc"]
    settled = _settled(first, assign(first, SLOTS))
    left = [member for member in settled if member.id != "b"]
    shares = assign(left, SLOTS)
    assert _loads(shares, weights) == {"a": 8, "c": 7}
    assert _moved(left, shares) == set()


def test_a_slot_with_many_sessions_does_not_keep_the_others_from_moving() -> None:
    weights = {0: 10, 1: 1, 2: 1, 3: 1}
    members = [
        _member("heavy", [0], weights),
        _member("light", [1, 2, 3], weights),
        _member("fresh", [], weights),
    ]
    assert _loads(assign(members, 4), weights) == {"heavy": 10, "light": 2, "fresh": 1}


def test_one_slot_with_many_sessions_moves_rather_than_many_slots_with_one() -> None:
    weights = {0: 1, 1: 1, 2: 1, 3: 3}
    shares = assign([_member("a", range(4), weights), _member("b", (), weights)], 4)
    assert shares == {"a": {0, 1, 2}, "b": {3}}


def test_of_two_owners_the_one_that_was_assigned_the_slot_later_keeps_it() -> None:
    weights = {0: 1, 1: 1, 2: 1, 3: 1}
    for zombie, owner in (("a", "b"), ("b", "a")):
        members = [
            _member(owner, [0, 1], weights, group_generation=7),
            _member(zombie, [0, 1], weights, group_generation=3),
        ]
        assert assign(members, 4)[owner] == {0, 1}


def test_the_newest_configuration_knows_best_where_sessions_are() -> None:
    old: dict[int, int] = {}
    new = dict.fromkeys(range(0, SLOTS, 2), 1)
    for newest, oldest in (("a", "b"), ("b", "a")):
        members = [
            _member(oldest, (), old, group_generation=9),
            _member(newest, (), new, generation=2),
        ]
        assert _spread(_loads(assign(members, SLOTS), new)) == 0


def test_what_a_member_tells_arrives() -> None:
    member = _member("a", [3, 1], {3: 2, 5: 0}, generation=4, group_generation=-1)
    told = encode_member(member)
    assert told == (
        b'{"v":1,"instance":"i-a","pod":"p-a","generation":4,"group_generation":-1,'
        b'"slots":[1,3],"weights":{"3":2}}'
    )
    assert decode_member("a", told) == replace(member, weights={3: 2})


def test_whom_the_leader_knows_arrives() -> None:
    told = encode_present([_member("b"), _member("a")])
    assert told == b'{"v":1,"present":["i-a","i-b"]}'
    assert decode_present(told) == frozenset({"i-a", "i-b"})


def test_a_later_version_may_tell_more() -> None:
    told = encode_member(_member("a")).replace(b'{"v":1', b'{"v":1,"more":[]')
    assert decode_member("a", told) == _member("a")
    assert decode_present(b'{"v":1,"present":["x"],"more":1}') == frozenset({"x"})


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        encode_member(_member("a")).replace(b'"v":1', b'"v":2'),
        encode_member(_member("a", [1])).replace(b"[1]", b"[-1]"),
        encode_member(_member("a", [1])).replace(b"[1]", b'["1"]'),
        encode_member(_member("a", [], {1: 1})).replace(b'{"1":1}', b'{"1":-1}'),
        encode_member(_member("a", [], {1: 1})).replace(b'{"1":1}', b'{"x":1}'),
    ],
)
def test_a_foreign_member_is_told_apart(told: bytes) -> None:
    assert decode_member("a", told) is None
    assert decode_present(told) is None


@settings(deadline=None)
@given(st.binary())
def test_no_user_data_crash_the_leader(told: bytes) -> None:
    assert decode_member("a", told) is None
    assert decode_present(told) is None
