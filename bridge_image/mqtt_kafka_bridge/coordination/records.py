"""What stands in the coordination topic: keys, and values as JSON (design: Formats).

A record outlives the version that wrote it. What can't be read is told with a text: to take it for
something else, or to leave out a field of it, could lose what a session's queue holds.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from mqtt_kafka_bridge.contract.base import Contract, KafkaTopic, Name
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.rules import Draft, broken_rules

VERSION = 1
"""Version of the records' format."""
_SESSION, _START = b"session/", b"start/"
_Record = TypeVar("_Record", bound="_Stored")


class RecordState(StrEnum):
    """How far a session has come."""

    DEFINED = "Defined"
    CLAIMED = "Claimed"
    RELEASED = "Released"
    STOPPED = "Stopped"
    RETIRED = "Retired"


_BEGINS_A_TERM = {RecordState.DEFINED, RecordState.CLAIMED}


class _Stored(Contract):
    """Base of the records: written by fields' names, read by camelCase names."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    v: Literal[1] = 1

    def encode(self) -> bytes:
        """Return the value of the record."""
        return self.model_dump_json().encode()


class SessionRecord(_Stored):
    """One MQTT session: what it is, who runs it, and since when."""

    mapping: Name
    member: int = Field(ge=0)
    generation: int = Field(ge=1, description="Of the configuration that `definition` is from.")
    state: RecordState
    term: int | None = Field(
        default=None,
        ge=0,
        description="Offset of the Claimed that this record ends; null in one that begins a term.",
    )
    pod: str
    instance: str
    at: datetime
    definition: MqttToKafka = Field(description="The mapping, so that it can be drained by it.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.term is None) != (self.state in _BEGINS_A_TERM):
            raise ValueError(f"state {self.state} with term {self.term}")
        if self.definition.name != self.mapping:
            raise ValueError(f"the definition is of mapping {self.definition.name!r}")
        return self


class StartRecord(_Stored):
    """Where a mapping from Kafka began: written once, before its first poll."""

    positions: dict[KafkaTopic, dict[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]]


def session_key(client_id: str) -> bytes:
    """Return the key of a session's records."""
    return _SESSION + client_id.encode()


def start_key(mapping: str) -> bytes:
    """Return the key of a mapping's start record."""
    return _START + mapping.encode()


def client_id_of(key: bytes) -> str | None:
    """Return whose session a key names; None if it is no session's key."""
    return _name_after(_SESSION, key)


def started_mapping_of(key: bytes) -> str | None:
    """Return whose start a key names; None if it is not the key of a start record."""
    return _name_after(_START, key)


def _name_after(kind: bytes, key: bytes) -> str | None:
    if not key.startswith(kind):
        return None
    try:
        return key.removeprefix(kind).decode() or None
    except UnicodeDecodeError:
        return None


def read_session(value: bytes) -> SessionRecord | str:
    """Return a session's record, or why it can't be read."""
    record = _read(SessionRecord, value)
    if isinstance(record, str):
        return record
    # Its shape is right; whether this version understands its filter and templates is not said.
    alone = Draft({0: record.definition}, {}, dead_letter_topic=None, loop_guard=True)
    mistakes = broken_rules(alone)
    if mistakes:
        return f"definition: {mistakes[0].path.partition('.')[2]}: {mistakes[0].message}"
    return record


def read_start(value: bytes) -> StartRecord | str:
    """Return a start record, or why it can't be read."""
    return _read(StartRecord, value)


def _read(model: type[_Record], value: bytes) -> _Record | str:
    try:
        data = from_json(value)
    except ValueError as error:
        return f"is no JSON: {error}"
    if not isinstance(data, dict):
        return f"is no JSON object but {type(data).__name__}"
    version = data.get("v")
    if version != VERSION or isinstance(version, bool):
        return f"has version {version!r:.40}, which this bridge does not understand"
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(str(step) for step in first["loc"])
        return f"{at or 'the record'}: {first['msg']}"
