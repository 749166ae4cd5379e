"""What members and leader tell each other, in aiokafka's envelopes."""

import pytest
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

from mqtt_kafka_bridge.coordination.assignor import Member, decode_member
from mqtt_kafka_bridge.kafka.slot_assignor import Share, SlotAssignor


class _Pod:
    def __init__(self, instance: str) -> None:
        self.member = Member("", instance, instance, 1, -1, frozenset(), {})
        self.shares: list[Share] = []
        self.assignor = SlotAssignor(
            "t", 8, myself=lambda: self.member, assigned=self.shares.append
        )

    @property
    def told(self) -> ConsumerProtocolMemberMetadata:
        """What the leader hears of it, after the wire."""
        encoded = self.assignor.metadata({"t"}).encode()
        return ConsumerProtocolMemberMetadata.decode(encoded)

    def hear(self, assignment: ConsumerProtocolMemberAssignment) -> Share:
        decoded = ConsumerProtocolMemberAssignment.decode(assignment.encode())
        self.assignor.on_assignment(decoded)
        return self.shares[-1]


def test_every_member_hears_its_slots_and_who_is_present() -> None:
    pods = {"id-a": _Pod("a"), "id-b": _Pod("b")}
    decided = pods["id-a"].assignor.assign(None, {each: pod.told for each, pod in pods.items()})
    shares = [pods[each].hear(assignment) for each, assignment in decided.items()]
    assert sorted(slot for share in shares for slot in share.slots) == [*range(8)]
    assert {share.present for share in shares} == {frozenset({"a", "b"})}


def test_a_member_tells_at_each_join_what_it_has_at_that_moment() -> None:
    pod = _Pod("a")
    before = decode_member("id", pod.told.user_data)
    pod.member = Member("", "a", "a", 1, 3, frozenset({5}), {5: 1})
    after = decode_member("id", pod.told.user_data)
    assert before is not None
    assert after is not None
    assert (len(before.slots), [*after.slots], after.group_generation) == (0, [5], 3)


def test_a_member_that_is_none_of_ours_gets_an_answer_and_no_slot() -> None:
    pod, foreign = _Pod("a"), ConsumerProtocolMemberMetadata(0, ["t"], b"what")
    decided = pod.assignor.assign(None, {"id-a": pod.told, "id-x": foreign})
    assert decided["id-x"].partitions() == []
    assert pod.hear(decided["id-a"]) == Share(frozenset(range(8)), frozenset({"a"}))


@pytest.mark.parametrize("told", [b"", b"no json", b'{"v": 2, "present": []}'])
def test_a_leader_that_is_none_of_ours_gives_nothing_for_it_does_not_say_who_is_present(
    told: bytes,
) -> None:
    assignment = ConsumerProtocolMemberAssignment(0, [("t", [1, 2])], told)
    assert _Pod("a").hear(assignment) == Share(frozenset(), frozenset())


def test_two_members_of_one_process_keep_nothing_in_common() -> None:
    first, second = _Pod("a"), _Pod("b")
    decided = first.assignor.assign(None, {"id-a": first.told})
    first.hear(decided["id-a"])
    assert second.shares == []
