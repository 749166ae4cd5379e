"""The rules of a CRD, evaluated without an API server by another implementation of CEL."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cel

from mqtt_kafka_operator.api.rules import VALIDATIONS

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one value."""

    schema_path: str
    """Without indexes and keys: the same for each value that the rule is for."""
    at: str
    """The field that is blamed, as the API server writes it."""
    rule: str
    message: str
    holds: bool


def rules(schema: Schema, path: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """List every rule of a schema with its place."""
    for rule in schema.get(VALIDATIONS, ()):
        yield path, rule
    for name, field in schema.get("properties", {}).items():
        yield from rules(field, f"{path}.{name}".removeprefix("."))
    for inner in (schema.get("items"), schema.get("additionalProperties")):
        if inner is not None:
            yield from rules(inner, f"{path}[]")


def verdicts(schema: Schema, value: Any, at: str = "", path: str = "") -> Iterator[Verdict]:  # noqa: ANN401
    """Evaluate every rule that has something to say of a value and of what is in it."""
    for rule in schema.get(VALIDATIONS, ()):
        blamed = f"{at}{rule.get('fieldPath', '')}".removeprefix(".")
        holds = cel.evaluate(rule["rule"], {"self": value})
        assert isinstance(holds, bool)
        yield Verdict(path, blamed, rule["rule"], rule["message"], holds)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from verdicts(schema["items"], item, f"{at}[{index}]", f"{path}[]")
    elif isinstance(value, dict):
        others = schema.get("additionalProperties")
        for name, field in value.items():
            if (known := schema.get("properties", {}).get(name)) is not None:
                inner = f"{at}.{name}".removeprefix("."), f"{path}.{name}".removeprefix(".")
                yield from verdicts(known, field, *inner)
            elif others is not None:
                yield from verdicts(others, field, f"{at}[{name}]", f"{path}[]")
