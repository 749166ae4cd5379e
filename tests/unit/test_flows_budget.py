"""The limit of bytes in flight: bounded together, and nobody starved."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.flows.budget import Budget, Share

LIMIT = 1000
"""Of which 500 are guaranteed: 250 to each of two."""


class Reader:
    """A mapping that reads until it is held."""

    def __init__(self, budget: Budget) -> None:
        self.asked: list[bool] = []
        self.share: Share = budget.share(self.asked.append)

    @property
    def held(self) -> bool:
        """Whether it may not read."""
        return self.asked[-1:] == [True]


def test_a_reader_that_is_alone_may_use_it_all() -> None:
    """One mapping is guaranteed the half, and the other half is common."""
    reader = Reader(Budget(LIMIT, 1))

    reader.share.use(999)
    assert not reader.held
    reader.share.use(1000)
    assert reader.held


def test_a_stuck_mapping_leaves_the_others_their_share() -> None:
    """G6: it fills its own and the common half, and they read on."""
    budget = Budget(LIMIT, 2)
    stuck, other = Reader(budget), Reader(budget)

    stuck.share.use(750)
    assert (stuck.held, other.held) == (True, False)
    other.share.use(249)
    assert not other.held
    other.share.use(250)
    assert other.held


def test_all_go_on_as_soon_as_the_common_half_has_room() -> None:
    """Also those that finished nothing themselves."""
    budget = Budget(LIMIT, 2)
    stuck, other = Reader(budget), Reader(budget)
    stuck.share.use(750)
    other.share.use(300)
    assert other.held

    stuck.share.use(100)

    assert (stuck.held, other.held) == (False, False)


def test_a_reader_is_asked_once_not_again_and_again() -> None:
    """Pausing a socket costs a system call."""
    reader = Reader(Budget(LIMIT, 1))
    for used in (1000, 1200, 1100, 400, 300):
        reader.share.use(used)

    assert reader.asked == [True, False]


def test_a_process_without_mappings_has_a_budget_too() -> None:
    """No mapping at all is legal."""
    Budget(LIMIT, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1500)), max_size=40))
def test_who_is_held_has_its_guarantee_and_the_common_half_is_full(
    uses: list[tuple[int, int]],
) -> None:
    """After any history, which shows that no count drifts."""
    budget = Budget(LIMIT, 3)
    readers = [Reader(budget) for _ in range(3)]
    for who, size in uses:
        readers[who].share.use(size)

        floor = LIMIT // 2 // 3
        excess = sum(max(0, reader.share.used - floor) for reader in readers)
        for reader in readers:
            assert reader.held == (excess >= LIMIT // 2 and reader.share.used >= floor)
