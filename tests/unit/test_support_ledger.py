"""The ledger finds what it is there to find."""

import pytest

from tests.support.ledger import Ledger
from tests.support.numbered import Numbered, Numbers, numbered


def ledger(safe: list[int], held: list[int]) -> Ledger:
    """Return a ledger of one key."""
    one = Ledger()
    for number in safe:
        one.safe(Numbered("a", number))
    for number in held:
        one.held(Numbered("a", number))
    return one


def test_a_clean_flow_passes() -> None:
    """What is held without the source knowing is no fault."""
    ledger([0, 1, 2], [0, 1, 2, 3]).check()


def test_a_lost_message_is_found_and_named() -> None:
    """Runs are written as runs."""
    with pytest.raises(AssertionError, match=r"L: 3 of 6 .* a: 1-2, 5"):
        ledger([0, 1, 2, 3, 4, 5], [0, 3, 4]).check()


def test_a_first_occurrence_out_of_order_is_found() -> None:
    """Also where all is complete."""
    with pytest.raises(AssertionError, match="O: 1 out of order: a: 1 first came after 2"):
        ledger([0, 1, 2], [0, 2, 1]).check()


def test_a_repeated_suffix_is_in_order() -> None:
    """The promise is about first occurrences."""
    again = ledger([0, 1, 2, 3], [0, 1, 2, 1, 2, 3])
    assert again.disorder() == []
    again.check(duplicates_at_most=2)


def test_more_duplicates_than_allowed_are_found() -> None:
    """Each further time counts."""
    with pytest.raises(AssertionError, match="D: 3 duplicates, at most 2: a 1 x 4"):
        ledger([0, 1], [0, 1, 1, 1, 1]).check(duplicates_at_most=2)


def test_order_is_a_matter_of_one_key() -> None:
    """Two keys may interleave in any way."""
    one = Ledger()
    for message in (Numbered("a", 5), Numbered("b", 0), Numbered("a", 6)):
        one.held(message)
    one.check()


def test_waiting_for_completeness_says_what_is_missing() -> None:
    """A failed wait is a finding, so it reads like one."""
    with pytest.raises(AssertionError, match="a: 1"):
        ledger([0, 1], [0]).await_complete(0.01)


def test_an_empty_ledger_is_not_complete() -> None:
    """Or a test would pass before its first message is acknowledged."""
    with pytest.raises(AssertionError, match="0 of 0"):
        ledger([], [0]).await_complete(0.01)


def test_a_payload_says_its_key_and_number() -> None:
    """And is as large as asked for."""
    payload = Numbered("a", 7).payload(200)
    assert len(payload) == 200
    assert numbered(payload) == Numbered("a", 7)


@pytest.mark.parametrize("payload", [None, b"", b"\xff", b"[]", b"{}", b'{"key":1}'])
def test_a_foreign_payload_is_none_of_ours(payload: bytes | None) -> None:
    """It is left out, not a crash of the sink."""
    assert numbered(payload) is None


def test_numbers_of_a_key_have_no_gap() -> None:
    """Keys take turns."""
    numbers = Numbers(["a", "b"])
    assert [numbers.next() for _ in range(3)] == [("a", 0), ("b", 0), ("a", 1)]
