"""What every model of the contract shares: strictness, spelling, and the types of its values."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:[0-9]+(?:ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9]+)(ms|s|m|h)")


class Contract(BaseModel):
    """Base of every model: immutable, spelled in camelCase, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        serialize_by_alias=True,
        validate_default=True,
        str_strip_whitespace=False,
    )


def parse_duration(value: object) -> object:
    """Read a Kubernetes duration string, such as `30s`, `1h30m` or `500ms`.

    Raises:
        ValueError: the text is no duration.
    """
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError(f"is {value!r}, no duration; write a number and a unit, such as 30s or 1h")
    seconds = sum(int(n) * _UNITS[unit] for n, unit in _DURATION_PART.findall(value))
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Write a duration in the largest unit that keeps it whole."""
    milliseconds = round(value.total_seconds() * 1000)
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
"""The path of a file, absolute or relative to the working directory; read when it is needed."""
NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, min_length=1, max_length=63)]
"""A DNS label, as Kubernetes names things."""
KAFKA_TOPIC_CHARACTERS = r"[a-zA-Z0-9._-]*"
KAFKA_TOPIC_PATTERN = r"^[a-zA-Z0-9._-]{1,249}$"


def _no_dots(topic: str) -> str:
    if topic in {".", ".."}:
        raise ValueError(f"is {topic!r}, which Kafka does not take; choose another topic")
    return topic


KafkaTopic = Annotated[
    str, StringConstraints(pattern=KAFKA_TOPIC_PATTERN), AfterValidator(_no_dots)
]
Bytes = Annotated[int, Field(ge=1)]
