"""What stands in the coordination topic: keys, and values as JSON (design: Formats).

A record outlives the version that wrote it. What can't be read is told with a text: to take it for
something else, or to leave out a field of it, could lose what a session's queue holds.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic_core import from_json

from mqtt_kafka_bridge.contract.base import Contract, KafkaTopic, Name
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_bridge.contract.rules import Draft, broken_rules
from mqtt_kafka_bridge.contract.sentences import sentence, shown

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
    """Base of the records."""

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
    leaving: bool = Field(
        default=False,
        description="Whether its replacement has everything, and it may be unsubscribed already: "
        "nobody subscribes it again, for it has missed what it would then overtake.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.term is None) != (self.state in _BEGINS_A_TERM):
            raise ValueError(f"has state {self.state} with term {self.term}")
        if self.definition.name != self.mapping:
            raise ValueError(f"has the definition of mapping {self.definition.name!r}")
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
    # The grammar of filters and templates may have grown since this version.
    mistakes = broken_rules(Draft({0: record.definition}, {}, None, loop_guard=True))
    if mistakes:
        first = mistakes[0]
        return _told(replace(first, at=("definition", *first.at[2:])))
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
        return f"holds {shown(data)}"
    version = data.get("v")
    if version != VERSION or isinstance(version, bool):
        return f"has version {shown(version)}, which this bridge does not understand"
    try:
        return model.model_validate(data)
    except ValidationError as error:
        return _told(sentence(error.errors(include_url=False)[0]))


def _told(mistake: Mistake) -> str:
    return f"{mistake.path}: {mistake.message}" if mistake.path else mistake.message
