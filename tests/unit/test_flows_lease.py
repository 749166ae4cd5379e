"""The lease of a slot, while the group gives the slot to others and takes it back."""

import asyncio

import pytest

from mqtt_kafka_bridge.errors import LeaseRefusedError, PassingError
from mqtt_kafka_bridge.flows.alone import Alone
from mqtt_kafka_bridge.flows.coordination_port import Assignment
from mqtt_kafka_bridge.flows.lease import Lease

_SLOT = 3
_OURS, _OTHERS = frozenset({_SLOT}), frozenset({7})


class Group(Alone):
    """A group that proves what is assigned, and nothing to whoever was thrown out."""

    def __init__(self) -> None:
        super().__init__()
        self.thrown_out = False
        self.assign(_OURS)

    def assign(self, slots: frozenset[int], epoch: int = 0) -> None:
        """Assign anew."""
        self.assignment = Assignment(epoch, 0, slots, frozenset(), 0.0)
        self.bell.ring()

    async def prove(self, slot: int) -> None:
        """Refuse what is another's."""
        assert self.assignment is not None
        if self.thrown_out or slot not in self.assignment.slots:
            raise LeaseRefusedError("another's")


async def _asking(lease: Lease) -> asyncio.Task[None]:
    asking = asyncio.create_task(lease.prove())
    await asyncio.sleep(0.01)
    return asking


async def test_a_slot_that_is_ours_is_proven() -> None:
    await Lease(Group(), _SLOT).prove()


async def test_a_refusal_of_what_is_said_to_be_ours_is_one() -> None:
    """The group has thrown us out, and we have not heard of it yet."""
    group = Group()
    lease = Lease(group, _SLOT)
    group.thrown_out = True
    with pytest.raises(LeaseRefusedError):
        await lease.prove()


async def test_a_refusal_after_we_were_let_in_again_is_one() -> None:
    """What we had may be another's by now, who waits for nobody."""
    group = Group()
    lease = Lease(group, _SLOT)
    group.assign(_OTHERS, epoch=1)
    assert not lease.is_being_taken
    with pytest.raises(LeaseRefusedError):
        await lease.prove()


async def test_who_asks_while_the_slot_is_being_taken_waits_to_hand_it_over() -> None:
    group = Group()
    lease = Lease(group, _SLOT)
    group.assign(_OTHERS)
    asking = await _asking(lease)
    assert lease.is_being_taken
    assert not asking.done()
    lease.end()
    with pytest.raises(PassingError):
        await asking


async def test_a_slot_that_comes_back_meanwhile_is_proven() -> None:
    group = Group()
    lease = Lease(group, _SLOT)
    group.assign(_OTHERS)
    asking = await _asking(lease)
    group.assign(_OURS)
    await asking
