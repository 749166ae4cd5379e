"""What the coordination topic says, whatever compaction and zombies did to it."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.coordination.records import (
    RecordState,
    SessionRecord,
    StartRecord,
    session_key,
    start_key,
)
from mqtt_kafka_bridge.coordination.view import MOST_UNREADABLE, View
from tests.support.messages import mqtt_to_kafka

CLIENTS = ("a", "b")
ENDS = (RecordState.RELEASED, RecordState.STOPPED, RecordState.RETIRED)


class Logged(NamedTuple):
    """A record as it stands in the topic."""

    key: bytes
    value: bytes | None
    offset: int


def _session(
    state: RecordState, offset: int, term: int | None = None, client: str = "a", generation: int = 1
) -> Logged:
    record = SessionRecord(
        mapping="telemetry",
        member=0,
        generation=generation,
        state=state,
        term=term,
        pod=f"pod-{offset}",
        instance="i",
        at=datetime(2026, 11, 24, tzinfo=UTC),
        definition=mqtt_to_kafka(),
    )
    return Logged(session_key(client), record.encode(), offset)


def _claimed(offset: int, client: str = "a", generation: int = 1) -> Logged:
    return _session(RecordState.CLAIMED, offset, client=client, generation=generation)


def _released(offset: int, term: int) -> Logged:
    return _session(RecordState.RELEASED, offset, term)


def _tombstone(offset: int, client: str = "a") -> Logged:
    return Logged(session_key(client), None, offset)


def _view(*log: Logged) -> View:
    view = View()
    for record in log:
        view.apply(*record)
    return view


def _shown(view: View) -> dict[str, tuple[RecordState, int, int]]:
    return {
        client: (entry.record.state, entry.term, entry.offset)
        for client, entry in view.sessions.items()
    }


def test_the_offset_of_a_claim_is_its_term() -> None:
    assert _shown(_view(_claimed(7))) == {"a": (RecordState.CLAIMED, 7, 7)}


def test_the_release_of_the_present_term_counts() -> None:
    assert _shown(_view(_claimed(7), _released(9, 7))) == {"a": (RecordState.RELEASED, 7, 9)}


@pytest.mark.parametrize("state", ENDS)
def test_what_a_zombie_says_of_its_lost_term_is_ignored(state: RecordState) -> None:
    view = _view(_claimed(7), _claimed(9), _session(state, 10, term=7))
    assert _shown(view) == {"a": (RecordState.CLAIMED, 9, 9)}


def test_a_claim_counts_whoever_had_the_session() -> None:
    assert _shown(_view(_claimed(7), _claimed(9)))["a"] == (RecordState.CLAIMED, 9, 9)


def test_a_release_is_accepted_when_compaction_took_its_claim_away() -> None:
    assert _shown(_view(_released(9, 7)))["a"] == (RecordState.RELEASED, 7, 9)
    before = _view(_claimed(3), _released(9, 7))
    assert _shown(before)["a"] == (RecordState.RELEASED, 7, 9)


def test_a_claim_is_not_undone_by_somebody_who_defines_the_session() -> None:
    defined = _session(RecordState.DEFINED, 9)
    assert _shown(_view(_claimed(7), defined))["a"] == (RecordState.CLAIMED, 7, 7)
    assert _shown(_view(defined))["a"] == (RecordState.DEFINED, 9, 9)
    assert _shown(_view(_released(8, 7), defined))["a"] == (RecordState.DEFINED, 9, 9)


def test_a_tombstone_removes_a_session() -> None:
    assert _view(_claimed(7), _tombstone(8)).sessions == {}
    assert _view(_tombstone(8)).sessions == {}


def test_a_zombie_does_not_bring_a_retired_session_back() -> None:
    assert _view(_claimed(7), _tombstone(8), _released(9, 7)).sessions == {}


def test_a_session_that_was_removed_may_come_again() -> None:
    view = _view(_claimed(7), _tombstone(8), _claimed(9))
    assert _shown(view) == {"a": (RecordState.CLAIMED, 9, 9)}


def test_reading_the_topic_again_changes_nothing() -> None:
    log = [_claimed(1), _released(2, 1), _claimed(3, "b"), _tombstone(4, "b"), _claimed(5)]
    assert _shown(_view(*log, *log)) == _shown(_view(*log))


def test_the_generation_is_the_highest_of_the_sessions() -> None:
    assert View().generation == 0
    view = _view(_claimed(1, "a", 4), _claimed(2, "b", 9))
    assert view.generation == 9
    view.apply(*_tombstone(3, "b"))
    assert view.generation == 4


def test_an_unreadable_record_is_told_and_what_was_known_goes_on_to_count() -> None:
    view = _view(_claimed(7), Logged(session_key("a"), b'{"v": 2}', 8))
    assert _shown(view) == {"a": (RecordState.CLAIMED, 7, 7)}
    assert view.unreadable == {"session/a": "has version 2, which this bridge does not understand"}


@pytest.mark.parametrize("later", [_claimed(9), _tombstone(9)])
def test_what_is_unreadable_no_longer_is_no_longer_told(later: Logged) -> None:
    assert _view(Logged(session_key("a"), b"?", 8), later).unreadable == {}


def test_foreign_records_are_told_and_do_no_harm() -> None:
    view = _view(Logged(b"who/\xff", b"", 1), Logged(b"", b"", 2), Logged(b"gone", None, 3))
    said = "the key names neither a session nor a start"
    assert view.unreadable == {"who/\\xff": said, "": said}


def test_what_is_told_of_unreadable_records_is_bounded() -> None:
    view = _view(*(Logged(b"%d" % n, b"", n) for n in range(10 * MOST_UNREADABLE)))
    view.apply(b"k" * 100_000, b"", 5000)
    assert len(view.unreadable) == MOST_UNREADABLE
    assert all(len(key) <= 300 and len(text) <= 300 for key, text in view.unreadable.items())


def test_the_packet_ids_of_exactly_once_are_not_ours_to_read() -> None:
    assert _view(Logged(b"id/a/1", b"\x00", 1)).unreadable == {}


def test_starts_are_read_until_they_are_removed() -> None:
    start = StartRecord(positions={"plant.commands": {0: 12}})
    view = _view(Logged(start_key("commands"), start.encode(), 1))
    assert view.starts == {"commands": start}
    view.apply(start_key("commands"), b"?", 2)
    assert view.starts == {"commands": start}
    assert list(view.unreadable) == ["start/commands"]
    view.apply(start_key("commands"), None, 3)
    view.apply(start_key("others"), None, 4)
    assert view.starts == {}


class Writer(NamedTuple):
    """Who wrote a record of a log."""

    record: Logged
    is_zombie: bool


@st.composite
def written(draw: st.DrawFn) -> list[Writer]:
    """Return what pods write: claims, the ends of the latest claim, and zombies' late ends."""
    begun: dict[str, list[int]] = {client: [] for client in CLIENTS}
    present: dict[str, int] = {}
    log: list[Writer] = []
    offset = 0
    for client in draw(st.lists(st.sampled_from(CLIENTS), max_size=12)):
        offset += draw(st.integers(1, 3))
        over = [term for term in begun[client] if term != present.get(client)]
        if draw(st.booleans()) and over:
            state, term = draw(st.sampled_from(ENDS)), draw(st.sampled_from(over))
            log.append(Writer(_session(state, offset, term, client), is_zombie=True))
        elif client not in present or draw(st.booleans()):
            present[client] = offset
            begun[client].append(offset)
            log.append(Writer(_claimed(offset, client), is_zombie=False))
        elif draw(st.booleans()):
            end = _session(draw(st.sampled_from(ENDS)), offset, present[client], client)
            log.append(Writer(end, is_zombie=False))
        else:
            del present[client]
            log.append(Writer(_tombstone(offset, client), is_zombie=False))
    return log


def logs() -> st.SearchStrategy[list[Logged]]:
    """Return what pods write that are no zombies."""
    return written().map(lambda log: [each.record for each in log if not each.is_zombie])


def _is_last(log: list[Logged], record: Logged) -> bool:
    return all(other.offset <= record.offset for other in log if other.key == record.key)


@settings(deadline=None)
@given(logs(), st.data())
def test_compaction_changes_nothing(log: list[Logged], data: st.DataObject) -> None:
    """It may take any record away but the last of a key, and that too if it is a tombstone."""
    kept = [
        record
        for record in log
        if (_is_last(log, record) and record.value is not None) or data.draw(st.booleans())
    ]
    removed = {record.key for record in log if _is_last(log, record) and record.value is None}
    # What is before a tombstone goes before the tombstone does.
    kept = [record for record in kept if record.key not in removed or record.value is None]
    assert _shown(_view(*kept)) == _shown(_view(*log))


@settings(deadline=None)
@given(logs(), st.integers(0, 12), st.data())
def test_compaction_while_reading_changes_nothing(
    log: list[Logged], read_before: int, data: st.DataObject
) -> None:
    before, after = log[:read_before], log[read_before:]
    kept = [record for record in after if _is_last(after, record) or data.draw(st.booleans())]
    assert _shown(_view(*before, *kept)) == _shown(_view(*log))


@settings(deadline=None)
@given(written())
def test_zombies_change_nothing(log: list[Writer]) -> None:
    """They end terms that are over, because others claimed since or removed the session."""
    all_records = [each.record for each in log]
    assert _shown(_view(*all_records)) == _shown(
        _view(*(each.record for each in log if not each.is_zombie))
    )


@settings(deadline=None)
@given(logs(), st.integers(0, 12))
def test_reading_again_from_anywhere_changes_nothing(log: list[Logged], start: int) -> None:
    assert _shown(_view(*log, *log[start:])) == _shown(_view(*log))
