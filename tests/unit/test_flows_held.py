"""Records that the broker refused for now, and those behind them."""

import pytest

from mqtt_kafka_bridge.flows.held import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, Held


@pytest.fixture
def held() -> Held:
    """Nothing held."""
    return Held()


def test_a_refused_record_holds_its_key_and_no_other(held: Held) -> None:
    """Order is promised per key; other keys go on."""
    held.refuse(b"a", 5, 100.0)

    assert b"a" in held
    assert b"b" not in held
    assert None not in held
    assert held
    assert held.oldest(9) == 5


def test_nothing_held_is_no_bound(held: Held) -> None:
    """The default is where the flow stands by itself."""
    assert not held
    assert held.oldest(9) == 9
    assert held.take() == []


def test_records_are_tried_again_in_their_order_whoever_was_refused_first(held: Held) -> None:
    """PUBACKs may refuse an earlier record after a later one."""
    held.refuse(b"a", 5, 0.0)
    held.follow(b"a", 8)
    held.refuse(b"b", 7, 0.0)
    held.refuse(b"a", 4, 0.0)

    assert held.oldest(9) == 4
    assert held.take() == [4, 5, 7, 8]
    assert not held
    assert b"a" not in held


def test_delays_double_up_to_a_bound_and_only_with_each_round(held: Held) -> None:
    """All that one round refuses waits for the same moment."""
    now, delays = 0.0, []
    for _ in range(8):
        held.refuse(b"a", 1, now)
        held.refuse(b"b", 2, now + 0.5)
        delays.append(held.retry_at - now)
        now = held.retry_at
        held.take()

    assert delays[:3] == [FIRST_DELAY_SECONDS, 2 * FIRST_DELAY_SECONDS, 4 * FIRST_DELAY_SECONDS]
    assert delays[-1] == LONGEST_DELAY_SECONDS


def test_after_an_acceptance_the_delay_is_short_again(held: Held) -> None:
    """The quota is there again."""
    held.refuse(b"a", 1, 0.0)
    held.take()
    held.settled()

    held.refuse(b"a", 1, 10.0)

    assert held.retry_at == 10.0 + FIRST_DELAY_SECONDS


def test_a_key_stays_held_over_a_link_that_ended_with_the_refusal(held: Held) -> None:
    """Its records are read again with new numbers, and wait; other keys pass meanwhile."""
    held.refuse(b"a", 1, 0.0)

    held.start_over()

    assert held
    assert b"a" in held
    assert held.oldest(9) == 9
    held.follow(b"a", 12)
    assert held.oldest(20) == 12
    assert held.take() == [12]
    assert not held
    assert b"a" not in held


def test_a_remembered_key_does_not_put_off_the_next_try(held: Held) -> None:
    """The delay began with its refusal."""
    held.refuse(b"a", 1, 0.0)
    held.start_over()

    held.refuse(b"b", 5, 0.5)

    assert held.retry_at == FIRST_DELAY_SECONDS
