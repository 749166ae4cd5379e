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
    assert (len(held), held.oldest(9)) == (1, 5)


def test_nothing_held_is_no_bound(held: Held) -> None:
    """The default is where the flow stands by itself."""
    assert (len(held), held.oldest(9)) == (0, 9)
    assert held.take() == []


def test_records_are_tried_again_in_their_order_whoever_was_refused_first(held: Held) -> None:
    """PUBACKs may refuse an earlier record after a later one."""
    held.refuse(b"a", 5, 0.0)
    held.follow(b"a", 8)
    held.refuse(b"b", 7, 0.0)
    held.refuse(b"a", 4, 0.0)

    assert held.oldest(9) == 4
    assert held.take() == [4, 5, 7, 8]
    assert (len(held), b"a" in held) == (0, False)


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


def test_what_is_read_again_is_not_held(held: Held) -> None:
    """After a lost link records come again from Kafka."""
    held.refuse(b"a", 1, 0.0)

    held.clear()

    assert (len(held), b"a" in held) == (0, False)
