"""Which sessions a pod runs, replaces and retires."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.coordination.plan import Lineage, Wanted, desired, plan
from mqtt_kafka_bridge.coordination.records import RecordState, SessionRecord, session_key
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.coordination.view import View

SLOTS = 64
ALL = frozenset(range(SLOTS))
TELEMETRY = ("telemetry", 0)


def _mapping(name: str = "telemetry", subscribed: str = "a/#", **more: object) -> dict[str, Any]:
    return {"name": name, "from": {"filter": subscribed}, "to": {"topic": "t"}} | more


def _config(generation: int, *mappings: dict[str, Any], **more: object) -> BridgeConfig:
    return BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "generation": generation,
            "mqtt": {"servers": ["mqtt://127.0.0.1"]},
            "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
            "mqttToKafka": mappings,
        }
        | more
    )


def _only(generation: int, *mappings: dict[str, Any]) -> Wanted:
    """Return the one session that a configuration wants."""
    (wanted,) = desired(_config(generation, *mappings))
    return wanted


def _view(*sessions: Wanted, state: RecordState = RecordState.CLAIMED) -> View:
    view = View()
    for offset, session in enumerate(sessions):
        _store(view, session, offset, state)
    return view


def _store(view: View, session: Wanted, offset: int, state: RecordState) -> None:
    begins = state in {RecordState.CLAIMED, RecordState.DEFINED}
    record = SessionRecord(
        mapping=session.mapping.name,
        member=session.member,
        generation=session.generation,
        state=state,
        term=None if begins else 0,
        pod="p",
        instance="i",
        at=datetime(2026, 11, 24, tzinfo=UTC),
        definition=session.mapping,
        leaving=session.leaving,
    )
    view.apply(session_key(session.client_id), record.encode(), offset)


def _telemetry(config: BridgeConfig, view: View) -> Lineage:
    return plan(config, view, ALL, SLOTS)[TELEMETRY]


def _lineage(new: Wanted | None, *old: Wanted, **flags: bool) -> Lineage:
    return Lineage(slot_of(*TELEMETRY, SLOTS), new, list(old), **flags)


def test_a_mapping_in_order_wants_one_session() -> None:
    wanted = _only(3, _mapping())
    assert wanted.client_id.startswith("local.plant.telemetry.")
    assert (wanted.member, wanted.generation) == (0, 3)
    assert wanted.mapping == MqttToKafka.model_validate(_mapping())


def test_a_mapping_without_order_wants_as_many_as_it_says() -> None:
    wanted = desired(_config(3, _mapping(ordering="None", sessions=3)))
    assert [each.member for each in wanted] == [0, 1, 2]
    assert len({each.client_id for each in wanted}) == 3


def test_a_new_mapping_gets_its_session_at_once() -> None:
    config = _config(1, _mapping())
    assert _telemetry(config, View()) == _lineage(_only(1, _mapping()))


def test_only_slots_that_are_ours_are_planned() -> None:
    config = _config(1, *(_mapping(f"m{n}", ordering="None", sessions=9) for n in range(9)))
    mine = frozenset(range(20))
    planned = plan(config, View(), mine, SLOTS)
    everything = plan(config, View(), ALL, SLOTS)
    assert planned == {key: it for key, it in everything.items() if it.slot in mine}
    assert len(everything) == 81
    assert plan(config, View(), frozenset(), SLOTS) == {}


def test_an_unchanged_session_goes_on_under_the_new_generation() -> None:
    view = _view(_only(1, _mapping()))
    assert _telemetry(_config(2, _mapping()), view) == _lineage(_only(2, _mapping()))


def test_an_edit_that_needs_no_other_session_replaces_none() -> None:
    view = _view(_only(1, _mapping()))
    edited = _mapping(to={"topic": "another"}, onError="Drop")
    assert _telemetry(_config(2, edited), view) == _lineage(_only(2, edited))


@pytest.mark.parametrize(
    "edited",
    [
        _mapping(subscribed="b/#"),
        _mapping() | {"from": {"filter": "a/#", "qos": 0}},
        _mapping() | {"from": {"filter": "a/#", "retained": "Skip"}},
        _mapping(ordering="None"),
    ],
)
def test_an_edit_that_needs_another_session_replaces_the_old_one(edited: dict[str, Any]) -> None:
    """The old one is drained as it was defined, and its records go on to say so."""
    old = _only(1, _mapping())
    assert _telemetry(_config(2, edited), _view(old)) == _lineage(_only(2, edited), old)


def test_a_replacement_that_a_crash_interrupted_comes_out_again() -> None:
    old, new = _only(1, _mapping()), _only(2, _mapping(subscribed="b/#"))
    config = _config(2, _mapping(subscribed="b/#"))
    before = _telemetry(config, _view(old))
    assert before == _lineage(new, old)
    for state in (RecordState.DEFINED, RecordState.CLAIMED, RecordState.RELEASED):
        view = _view(old)
        _store(view, new, 9, state)
        assert _telemetry(config, view) == before


def test_several_old_sessions_are_replaced_in_the_order_in_which_they_were_made() -> None:
    first, second = _only(1, _mapping()), _only(2, _mapping(subscribed="b/#"))
    third = _mapping(subscribed="c/#")
    view = _view(second, first)
    assert _telemetry(_config(3, third), view) == _lineage(_only(3, third), first, second)


def test_an_edit_that_is_taken_back_meanwhile_waits_for_the_replacement() -> None:
    """A session that is being drained can't go on before its successor's older messages do."""
    first, second = _only(1, _mapping()), _only(2, _mapping(subscribed="b/#"))
    back = _config(3, _mapping())
    assert _telemetry(back, _view(first, second)) == _lineage(second, first)
    assert _telemetry(back, _view(second)) == _lineage(_only(3, _mapping()), second)


def test_a_session_that_began_to_leave_does_so_wherever_it_is_taken_over() -> None:
    """It may be unsubscribed already: what it would get anew would overtake its successor's."""
    first = replace(_only(1, _mapping()), leaving=True)
    second = _only(2, _mapping(subscribed="b/#"))
    lineage = _telemetry(_config(2, _mapping(subscribed="b/#")), _view(first, second))
    assert lineage == _lineage(second, first)
    assert lineage.old[0].leaving
    assert not _telemetry(_config(3, _mapping()), _view(first)).old


def test_the_session_of_a_removed_mapping_is_retired() -> None:
    old = _only(1, _mapping())
    assert _telemetry(_config(2), _view(old)) == _lineage(None, old)
    other = _mapping("other")
    assert _telemetry(_config(2, other), _view(old)) == _lineage(None, old)


def test_removed_members_are_retired_and_the_others_go_on() -> None:
    four, two = (_mapping(ordering="None", sessions=n) for n in (4, 2))
    stored = desired(_config(1, four))
    planned = plan(_config(2, two), _view(*stored), ALL, SLOTS)
    assert [planned["telemetry", n].old for n in range(4)] == [[], [], [stored[2]], [stored[3]]]
    assert [each.new for each in planned.values()] == [*desired(_config(2, two)), None, None]


def test_another_prefix_of_client_ids_replaces_all_sessions() -> None:
    old = _only(1, _mapping())
    mqtt = {"servers": ["mqtt://127.0.0.1"], "clientIdPrefix": "eu"}
    config = _config(2, _mapping(), mqtt=mqtt)
    (new,) = desired(config)
    assert new.client_id != old.client_id
    assert _telemetry(config, _view(old)) == _lineage(new, old)


def test_a_retired_session_that_is_wanted_again_is_new() -> None:
    old = _only(1, _mapping())
    view = _view(old, state=RecordState.RETIRED)
    assert plan(_config(2), view, ALL, SLOTS) == {}
    assert _telemetry(_config(2, _mapping()), view) == _lineage(_only(2, _mapping()))


def test_a_pod_that_reads_a_higher_generation_serves_what_is_stored_as_it_is_stored() -> None:
    edited = _mapping(to={"topic": "another"})
    stored = _only(2, edited)
    old = _config(1, _mapping(), _mapping("removed-since"))
    assert plan(old, _view(stored), ALL, SLOTS) == {TELEMETRY: _lineage(stored)}


def test_a_pod_that_reads_a_higher_generation_retires_and_replaces_nothing() -> None:
    """Not even what has a lower generation than its own."""
    ancient = _only(1, _mapping())
    other = _only(9, _mapping("other"))
    config = _config(5, _mapping(subscribed="b/#"))
    planned = plan(config, _view(ancient, other), ALL, SLOTS)
    assert planned == {
        TELEMETRY: _lineage(ancient),
        ("other", 0): Lineage(slot_of("other", 0, SLOTS), other, []),
    }


def test_a_pod_that_reads_a_higher_generation_goes_on_with_a_replacement_under_way() -> None:
    """Whoever forwarded by the old one alone would overtake what the new one holds."""
    old, new = _only(1, _mapping()), _only(2, _mapping(subscribed="b/#"))
    assert _telemetry(_config(1, _mapping()), _view(old, new)) == _lineage(new, old)


def test_what_a_file_of_the_same_generation_made_goes_on_and_that_is_said() -> None:
    stored = _only(1, _mapping())
    for config in (_config(1, _mapping(subscribed="b/#")), _config(1)):
        assert _telemetry(config, _view(stored)) == _lineage(stored, unraised=True)


def test_a_replacement_by_a_file_of_the_same_generation_goes_on() -> None:
    old, new = _only(1, _mapping()), _only(2, _mapping(subscribed="b/#"))
    config = _config(2, _mapping(subscribed="c/#"))
    assert _telemetry(config, _view(old, new)) == _lineage(new, old, unraised=True)


def test_the_same_session_with_another_content_of_the_same_generation_is_told() -> None:
    edited = _mapping(to={"topic": "another"})
    view = _view(_only(1, _mapping()))
    assert _telemetry(_config(1, edited), view) == _lineage(_only(1, edited), unraised=True)
    assert not _telemetry(_config(2, edited), view).unraised


def test_a_resume_token_needs_no_higher_generation() -> None:
    resumed = _mapping(resumeToken="1")
    view = _view(_only(1, _mapping()), state=RecordState.STOPPED)
    assert _telemetry(_config(1, resumed), view) == _lineage(_only(1, resumed))


@pytest.mark.parametrize(("token", "stopped"), [("1", True), ("2", False)])
def test_a_stopped_session_is_resumed_by_a_new_token_only(token: str, *, stopped: bool) -> None:
    view = _view(_only(1, _mapping(resumeToken="1")), state=RecordState.STOPPED)
    config = _config(2, _mapping(resumeToken=token, to={"topic": "another"}))
    assert _telemetry(config, view).stopped is stopped


@pytest.mark.parametrize(("token", "stopped"), [("1", True), ("2", False)])
def test_a_stopped_session_is_not_resumed_by_being_replaced(token: str, *, stopped: bool) -> None:
    view = _view(_only(1, _mapping(resumeToken="1")), state=RecordState.STOPPED)
    lineage = _telemetry(_config(2, _mapping(subscribed="b/#", resumeToken=token)), view)
    assert (len(lineage.old), lineage.stopped) == (1, stopped)


@pytest.mark.parametrize(("token", "stopped"), [("1", True), ("2", False)])
def test_what_stopped_an_edit_that_is_taken_back_is_resumed_by_the_token_of_now(
    token: str, *, stopped: bool
) -> None:
    """The stored ones can't be edited any more: nobody could resume them by theirs."""
    first = _only(1, _mapping(resumeToken="1"))
    second = _only(2, _mapping(subscribed="b/#", resumeToken="1"))
    view = _view(first, state=RecordState.STOPPED)
    _store(view, second, 1, RecordState.RELEASED)
    lineage = _telemetry(_config(3, _mapping(resumeToken=token)), view)
    assert [it.client_id for it in lineage.old] == [first.client_id]
    assert lineage.new is not None
    assert lineage.new.client_id == second.client_id
    assert lineage.stopped is stopped


def test_a_stopped_session_stays_so_in_a_pod_that_reads_a_higher_generation() -> None:
    view = _view(_only(2, _mapping()), state=RecordState.STOPPED)
    assert _telemetry(_config(1, _mapping(resumeToken="0")), view).stopped


def test_a_stopped_session_of_a_removed_mapping_is_retired_like_any_other() -> None:
    view = _view(_only(1, _mapping()), state=RecordState.STOPPED)
    assert _telemetry(_config(2), view) == _lineage(None, _only(1, _mapping()))


def test_a_running_session_is_not_stopped() -> None:
    assert not _telemetry(_config(1, _mapping()), _view(_only(1, _mapping()))).stopped


def test_an_old_session_does_with_a_message_that_can_not_be_forwarded_what_is_configured_now() -> (
    None
):
    """Or nobody could cure what stops it: its own definition can't be edited any more."""
    old = _only(1, _mapping(onError="Stop"))
    view = _view(old, state=RecordState.RELEASED)
    edited = _mapping(subscribed="b/#", onError="DeadLetter")

    (drained,) = _telemetry(_config(2, edited), view).old
    assert drained.client_id == old.client_id
    assert drained.mapping == old.mapping.model_copy(update={"on_error": "DeadLetter"})

    (removed,) = _telemetry(_config(2), view).old
    assert removed.mapping.on_error == "DeadLetter"
