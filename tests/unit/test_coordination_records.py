"""Keys and values of the coordination topic."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mqtt_kafka_bridge.coordination.records import (
    RecordState,
    SessionRecord,
    StartRecord,
    client_id_of,
    read_session,
    read_start,
    session_key,
    start_key,
    started_mapping_of,
)
from mqtt_kafka_bridge.coordination.slots import slot_of
from tests.support.messages import mqtt_to_kafka

AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
STORED = {
    "v": 1,
    "mapping": "telemetry",
    "member": 0,
    "generation": 4,
    "state": "Released",
    "term": 17,
    "pod": "bridge-0",
    "instance": "5e8f",
    "at": "2026-11-24T12:00:00Z",
    "definition": {
        "name": "telemetry",
        "from": {"filter": "plant/{line}/#"},
        "to": {"topic": "plant.telemetry"},
    },
}


def _record(**changes: Any) -> SessionRecord:  # noqa: ANN401 - any field
    return SessionRecord.model_validate(STORED | changes)


def _value(**changes: object) -> bytes:
    return json.dumps(STORED | changes).encode()


def _defined(**changes: object) -> bytes:
    return _value(definition=STORED["definition"] | changes)  # type: ignore[operator]


@pytest.mark.parametrize(
    "record",
    [
        _record(),
        _record(state="Claimed", term=None),
        _record(state="Defined", term=None),
        _record(state="Stopped", member=3),
        _record(definition=mqtt_to_kafka(headers={"line": "{line}"}).model_dump()),
    ],
)
def test_a_session_is_read_as_it_was_written(record: SessionRecord) -> None:
    assert read_session(record.encode()) == record


def test_a_record_is_spelled_as_the_design_spells_it() -> None:
    record = SessionRecord(
        mapping="telemetry",
        member=0,
        generation=4,
        state=RecordState.RELEASED,
        term=17,
        pod="bridge-0",
        instance="5e8f",
        at=AT,
        definition=mqtt_to_kafka(),
    )
    written = json.loads(record.encode())
    assert {key: written[key] for key in STORED if key != "definition"} == {
        key: value for key, value in STORED.items() if key != "definition"
    }


def test_a_definition_is_written_whole_so_that_later_defaults_do_not_change_it() -> None:
    written = json.loads(_record().encode())["definition"]
    assert written["from"]["qos"] == 1
    assert written["to"]["key"] == "{mqtt.topic}"
    assert written["onError"] == "DeadLetter"


def test_a_definition_of_an_earlier_version_is_read_with_the_defaults_of_its_time() -> None:
    record = read_session(_value())
    assert isinstance(record, SessionRecord)
    assert record.definition.on_error == "DeadLetter"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\xff\xfe", "is no JSON: "),
        (b"", "is no JSON: "),
        (b"[" * 10_000, "is no JSON: "),
        (b"[]", "holds a list"),
        (b"null", "holds empty"),
        (b"{}", "has version empty, which this bridge does not understand"),
        (_value(v=2), "has version 2, which this bridge does not understand"),
        (_value(v=True), "has version true, which this bridge does not understand"),
        (_value(v=1.5), "has version 1.5, which this bridge does not understand"),
        (b'{"v": 1}', "mapping: is missing"),
        (_value(member=-1), "member: is -1"),
        (_value(at="noon"), 'at: is "noon"'),
        (_value(state="Lost"), 'state: is "Lost"'),
        (_value(term=None), "has state Released with term None"),
        (_value(state="Claimed"), "has state Claimed with term 17"),
        (_value(mapping="other"), "has the definition of mapping 'telemetry'"),
        (_value(colour="red"), "colour: is an unknown key"),
        (_defined(colour="red"), "definition.colour: is an unknown key"),
        (_defined(to={"topic": "{nobody}"}), "definition.to.topic: "),
        (_defined(**{"from": {"filter": "a#b"}}), "definition.from.filter: has a wildcard"),
    ],
)
def test_why_a_record_cannot_be_read_is_said(value: bytes, text: str) -> None:
    told = read_session(value)
    assert isinstance(told, str)
    assert told.startswith(text)


@settings(deadline=None)
@given(st.binary() | st.from_regex(r"\{\"v\": ?1, ?\"[a-z]+\": ?.*\}").map(str.encode))
def test_no_bytes_crash_the_reader(value: bytes) -> None:
    assert isinstance(read_session(value), str)
    assert isinstance(read_start(value), str | StartRecord)


def test_nobody_writes_a_release_without_its_term() -> None:
    with pytest.raises(ValidationError, match="with term None"):
        _record(term=None)


def test_a_start_is_read_as_it_was_written() -> None:
    start = StartRecord(positions={"plant.commands": {0: 12, 1: 0}, "b": {}})
    assert read_start(start.encode()) == start
    assert json.loads(start.encode()) == {
        "v": 1,
        "positions": {"plant.commands": {"0": 12, "1": 0}, "b": {}},
    }


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        ({"t": {"0": -1}}, "positions.t.0: is -1"),
        ({"t": {"x": 1}}, 'positions.t.x: is "x"'),
        ({"..": {}}, "positions...: "),
    ],
)
def test_a_start_that_makes_no_sense_is_told(positions: object, text: str) -> None:
    told = read_start(json.dumps({"v": 1, "positions": positions}).encode())
    assert isinstance(told, str)
    assert told.startswith(text)


def test_keys_tell_whose_record_it_is() -> None:
    assert (
        session_key("local.plant.telemetry.e8496ed8") == b"session/local.plant.telemetry.e8496ed8"
    )
    assert start_key("commands") == b"start/commands"
    assert client_id_of(session_key("a/b")) == "a/b"
    assert started_mapping_of(start_key("commands")) == "commands"


@pytest.mark.parametrize("key", [b"", b"session", b"session/", b"other/a", b"session/\xff"])
def test_foreign_keys_are_nobodys(key: bytes) -> None:
    assert client_id_of(key) is None
    assert started_mapping_of(key) is None


@pytest.mark.parametrize(
    ("mapping", "member", "slot"), [("telemetry", 0, 52), ("telemetry", 1, 62), ("a", 63, 46)]
)
def test_the_slot_of_a_member_never_changes_between_versions(
    mapping: str, member: int, slot: int
) -> None:
    assert slot_of(mapping, member, 64) == slot


@settings(deadline=None)
@given(st.text(max_size=63), st.integers(0, 63), st.integers(1, 200))
def test_every_member_has_a_slot(mapping: str, member: int, slots: int) -> None:
    assert 0 <= slot_of(mapping, member, slots) < slots
