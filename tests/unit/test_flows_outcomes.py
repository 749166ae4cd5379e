"""What became of each message is counted once, when it is finished."""

import pytest

from mqtt_kafka_bridge.flows.outcomes import Outcome, Outcomes
from mqtt_kafka_bridge.observe.meter import Meter


@pytest.fixture
def meter() -> Meter:
    """An empty meter."""
    return Meter()


@pytest.mark.parametrize("outcome", ["filtered", "expired", "dead_lettered"])
def test_a_noted_message_is_counted_as_that_and_not_as_forwarded(
    meter: Meter, outcome: Outcome
) -> None:
    """Each outcome has its own count."""
    outcomes = Outcomes(meter)
    outcomes.note(1, outcome, "why")

    outcomes.finish(3, 3)

    assert (meter.forwarded, getattr(meter, outcome)) == (2, 1)


def test_drops_are_counted_by_reason(meter: Meter) -> None:
    """A reason is what an alert asks for."""
    outcomes = Outcomes(meter)
    for number, reason in enumerate(["loop", "BadJson", "loop"]):
        outcomes.note(number, "dropped", reason)

    outcomes.finish(3, 3)

    assert (meter.forwarded, meter.dropped) == (0, {"loop": 2, "BadJson": 1})


def test_nothing_is_counted_before_it_is_finished(meter: Meter) -> None:
    """Or the ledger would not balance with what is in flight."""
    outcomes = Outcomes(meter)
    outcomes.note(5, "filtered", "")

    outcomes.finish(5, 5)

    assert (meter.forwarded, meter.filtered) == (5, 0)


def test_a_note_that_comes_late_is_counted_with_its_number(meter: Meter) -> None:
    """A broker refuses an earlier record when a later one is noted already."""
    outcomes = Outcomes(meter)
    outcomes.note(7, "filtered", "")
    outcomes.note(2, "dead_lettered", "")
    outcomes.note(4, "dropped", "loop")

    outcomes.finish(3, 3)

    assert (meter.forwarded, meter.dead_lettered, meter.filtered) == (2, 1, 0)


def test_forgotten_notes_are_those_of_messages_that_come_again(meter: Meter) -> None:
    """They are noted anew when they are handled anew."""
    outcomes = Outcomes(meter)
    outcomes.note(1, "filtered", "")
    outcomes.note(3, "filtered", "")
    outcomes.note(5, "filtered", "")

    outcomes.forget(3)
    outcomes.finish(6, 6)

    assert (meter.forwarded, meter.filtered) == (5, 1)
