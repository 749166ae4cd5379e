"""Who may claim a session of a slot that was assigned to this pod."""

from datetime import UTC, datetime

import pytest

from mqtt_kafka_bridge.coordination.claims import free, waits_for
from mqtt_kafka_bridge.coordination.records import RecordState, SessionRecord
from mqtt_kafka_bridge.coordination.view import Entry
from tests.support.messages import mqtt_to_kafka

PRESENT = frozenset({"ours", "theirs"})
TIMEOUT_SECONDS = 10.0


def _entry(state: str, instance: str = "theirs") -> Entry:
    record = SessionRecord(
        mapping="telemetry",
        member=0,
        generation=1,
        state=RecordState(state),
        term=None if state in {"Claimed", "Defined"} else 3,
        pod="their-pod",
        instance=instance,
        at=datetime(2026, 11, 24, tzinfo=UTC),
        definition=mqtt_to_kafka(),
    )
    return Entry(record, 7)


def _free(entry: Entry | None, waited_seconds: float = 0.0) -> bool:
    is_free = free(entry, "ours", PRESENT, waited_seconds, TIMEOUT_SECONDS)
    pod = waits_for(entry, "ours", PRESENT, waited_seconds, TIMEOUT_SECONDS)
    assert pod == (None if is_free else "their-pod")
    return is_free


def test_a_session_that_nobody_ever_ran_is_free() -> None:
    assert _free(None)


@pytest.mark.parametrize("state", ["Defined", "Released", "Stopped", "Retired"])
def test_a_session_that_nobody_runs_is_free_at_once(state: str) -> None:
    assert _free(_entry(state))


def test_a_session_that_a_present_member_runs_is_free_when_it_had_time_to_release_it() -> None:
    assert not _free(_entry("Claimed"), TIMEOUT_SECONDS - 0.001)
    assert _free(_entry("Claimed"), TIMEOUT_SECONDS)


def test_a_session_of_a_member_that_the_group_threw_out_is_free_at_once() -> None:
    """That took the session time-out already."""
    assert _free(_entry("Claimed", instance="gone"))


def test_a_session_that_this_process_claimed_is_its_own() -> None:
    assert _free(_entry("Claimed", instance="ours"))


def test_an_earlier_life_of_the_same_pod_is_another_instance() -> None:
    claimed_before = _entry("Claimed", instance="theirs")
    assert not free(claimed_before, "ours", PRESENT, 0.0, TIMEOUT_SECONDS)
