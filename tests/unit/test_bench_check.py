"""The benchmark's judge sees loss, repetition, disorder and what does not belong there."""

import numpy as np

from bench.check import Verdict, judge

TOPICS = 3


def judged(indexes: list[int], partitions: list[int] | None = None, sent: int = 12) -> Verdict:
    """Judge messages of three devices."""
    index = np.array(indexes, dtype=np.int64)
    partition = None if partitions is None else np.array(partitions, dtype=np.int64)
    return judge(index % TOPICS, index // TOPICS, partition, topics=TOPICS, sent=sent)


def test_everything_once_and_in_order_has_no_faults() -> None:
    """With and without partitions."""
    assert judged(list(range(12))).faults == {}
    assert judged(list(range(12)), [0, 1, 1] * 4).faults == {}


def test_a_missing_message_is_lost() -> None:
    """One of twelve."""
    assert judged([0, 1, 2, *range(4, 12)]).faults == {"lost": 1}


def test_nothing_received_is_all_lost() -> None:
    """An empty sink is no special case."""
    assert judged([]).faults == {"lost": 12}


def test_a_repeated_suffix_is_duplicates_not_disorder() -> None:
    """A redelivery repeats; only first occurrences have an order (G2)."""
    assert judged([*range(9), *range(6, 12)]).faults == {"duplicates": 3}


def test_a_first_occurrence_behind_a_later_one_is_disorder() -> None:
    """Messages 0 and 3 are of one device."""
    swapped = list(range(12))
    swapped[0], swapped[3] = swapped[3], swapped[0]
    assert judged(swapped).faults == {"out_of_order": 1}


def test_messages_of_different_devices_have_no_order() -> None:
    """Messages 0 and 1 are of two devices."""
    swapped = list(range(12))
    swapped[0], swapped[1] = swapped[1], swapped[0]
    assert judged(swapped).faults == {}


def test_a_device_in_two_partitions_is_scattered() -> None:
    """Its messages have no order any more, so none is judged."""
    assert judged(list(range(12)), [0, 1, 2] * 3 + [1, 1, 2]).faults == {"scattered_keys": 1}


def test_what_was_never_sent_is_foreign() -> None:
    """Neither counted as received nor an error in the arithmetic."""
    assert judged([*range(12), 12]).faults == {"foreign": 1}
    nonsense = judge(np.array([-31, 5]), np.array([0, 0]), np.array([0, 0]), topics=TOPICS, sent=0)
    assert nonsense.faults == {"foreign": 2}


def test_other_wrongs_are_passed_on() -> None:
    """Whoever reads the sink knows more than numbers."""
    empty = np.zeros(0, dtype=np.int64)
    verdict = judge(empty, empty, None, topics=1, sent=0, wrong_keys=2, wrong_topics=1)
    assert verdict.faults == {"wrong_keys": 2, "wrong_topics": 1}
