"""Pydantic's errors as plain sentences: what is wrong, and what to write instead."""

import json
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mqtt_kafka_bridge.contract.base import KAFKA_TOPIC_PATTERN, NAME_PATTERN
from mqtt_kafka_bridge.contract.config import POD_PATTERN, BridgeConfig
from mqtt_kafka_bridge.contract.connection import (
    KAFKA_SERVER_PATTERN,
    MQTT_SERVER_PATTERN,
    PREFIX_PATTERN,
)
from mqtt_kafka_bridge.contract.mappings import RESUME_TOKEN_PATTERN
from mqtt_kafka_bridge.contract.mistakes import Location, Mistake

PATTERN_CURES = {
    NAME_PATTERN: "write lower-case letters, digits and '-', with no '-' at either end",
    KAFKA_TOPIC_PATTERN: "Kafka takes letters, digits, '.', '_' and '-', 1 to 249 of them",
    MQTT_SERVER_PATTERN: "write mqtt://host:1883, or mqtts://host:8883 for TLS",
    KAFKA_SERVER_PATTERN: "write host:port, such as kafka:9092",
    PREFIX_PATTERN: "write letters, digits, '.', '_' and '-', 1 to 128 of them",
    POD_PATTERN: "write letters, digits, '.', '_' and '-', 1 to 253 of them",
    RESUME_TOKEN_PATTERN: "write letters, digits and any of . _ : + -, 1 to 64 of them",
}
_TYPES = {
    "string_type": "write text; in quotes where it looks like a number",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "list_type": "write a list, such as [a, b]",
    "dict_type": "write keys with their values under it",
    "model_type": "write keys with their values under it",
}
_LIMITS = {
    "greater_than_equal": "write {ge} or more",
    "less_than_equal": "write {le} or less",
    "too_short": "write at least {min_length}",
    "too_long": "write at most {max_length}",
    "string_too_short": "write at least {min_length} character(s)",
    "string_too_long": "write at most {max_length} characters",
}


def sentence(error: ErrorDetails) -> Mistake:
    """Return what an error of pydantic means for the person who wrote the configuration."""
    at = tuple(step for step in error["loc"] if step != "[key]")
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    message, cure = f"is {shown(value)}", error["msg"]
    if kind == "missing":
        message, cure = "is missing", _how_to_add(at)
    elif kind == "extra_forbidden":
        message, cure = "is an unknown key", _known_keys(at)
    elif kind == "literal_error":
        cure = f"write {context['expected']}"
    elif kind == "string_pattern_mismatch":
        cure = PATTERN_CURES[context["pattern"]]
    elif kind == "value_error":
        message, _, cure = str(context["error"]).partition("; ")
    elif kind in _TYPES:
        cure = _how_to_fill(at) or _TYPES[kind]
    elif kind in _LIMITS:
        message, cure = f"is {_measured(value)}", _LIMITS[kind].format(**context)
    return Mistake(at, message, cure)


def shown(value: object) -> str:
    """Return a value of the configuration as a person knows it, and not too long."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a block of keys"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line of a terminal


def _measured(value: object) -> str:
    if isinstance(value, list | dict):
        return f"{len(value)} entries long"
    if isinstance(value, str):
        return f"{len(value)} characters long"
    return shown(value)


def _field(at: Location) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """Return the model that holds a key, and the field of that key if there is one."""
    model: type[BaseModel] | None = BridgeConfig
    field: FieldInfo | None = None
    for index, step in enumerate(at):
        if isinstance(step, int):
            continue
        known = {info.alias: info for info in model.model_fields.values()} if model else {}
        field = known.get(step)
        if index < len(at) - 1:
            model = _model(field.annotation) if field else None
    return model, field


def _model(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any type hint
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model, get_args(annotation))), None)


def _how_to_fill(at: Location) -> str:
    examples = _examples(at) if isinstance(at[-1], str) else []
    fits = examples and isinstance(examples[0], dict | list)
    return f"write {at[-1]}: {json.dumps(examples[0])}" if fits else ""


def _how_to_add(at: Location) -> str:
    examples = _examples(at)
    return f"add {at[-1]}: {json.dumps(examples[0])}" if examples else "add it"


def _examples(at: Location) -> list[Any]:
    field = _field(at)[1]
    return (field.examples if field else None) or []


def _known_keys(at: Location) -> str:
    model = _field(at)[0]
    known = [str(info.alias) for info in model.model_fields.values()] if model else []
    plain = {key.lower(): key for key in known}
    written = str(at[-1]).replace("_", "").replace("-", "").lower()
    close = get_close_matches(written, plain, n=1)
    meant = f"did you mean {plain[close[0]]}? " if close else ""
    return f"{meant}known here: {', '.join(known)}"
