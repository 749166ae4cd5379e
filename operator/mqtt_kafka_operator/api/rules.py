"""CEL rules: what the API server checks beyond shapes, and what it says to whoever breaks them.

Rules use only macros, `size`, `matches`, `has`, `in` and `duration`, so that `mqtt-kafka check`
evaluates the very same text offline. A message says what is wrong, then `; `, then what to write
instead; a word for a pattern alone would name no cure, so patterns are rules too.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

VALIDATIONS = "x-kubernetes-validations"
DURATION_PATTERN = r"^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?([0-9]{1,12}ms)?$"
"""Go's spelling, the largest unit first; in all less than the 292 years that CEL can count."""


def quoted(text: str) -> str:
    """Return text as a CEL string."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


STORED_DEFAULT = "x-stored-default"
LIST_KEY = "x-list-key"
"""Words between models and translator; no CRD has them."""


@dataclass(frozen=True, slots=True)
class StoredDefault:
    """A mark in `Annotated`: the API server writes this default into the resource.

    For the few fields that somebody else than the operator reads; see the decision on defaults.
    """

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {STORED_DEFAULT: True}


@dataclass(frozen=True, slots=True)
class ListKey:
    """A mark in `Annotated`: the field by which the items of a list are told apart.

    Without it that is `name`, where items have one that is required.
    """

    key: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {LIST_KEY: self.key}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for a model (in its `rules`) or for a value (in `Annotated`)."""

    rule: str
    """True for what keeps it; `self` is the object or the value."""
    message: str
    field: str = ""
    """The field to blame, such as `.keepAlive`; empty: the object or value itself."""

    def validation(self) -> dict[str, Any]:
        """Return the rule as a CRD writes it."""
        validation = {"rule": self.rule, "message": self.message}
        return validation | ({"fieldPath": self.field} if self.field else {})

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        json_schema = handler(schema)
        return json_schema | {VALIDATIONS: [*json_schema.get(VALIDATIONS, []), self.validation()]}


@dataclass(frozen=True, slots=True)
class Matching:
    """A pattern for a string in `Annotated`, from `^` to `$`, and the cure where it fails.

    It is checked here too: what was stored under an older CRD may break it.
    """

    pattern: str
    cure: str

    def __get_pydantic_core_schema__(
        self,
        source: Any,  # noqa: ANN401 - any type hint
        handler: GetCoreSchemaHandler,
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: str) -> str:
        if not re.fullmatch(self.pattern.removesuffix("$"), value):
            raise ValueError(f"is {value!r}; {self.cure}")
        return value

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        message = f"is spelled wrongly; {self.cure}"
        rule = Rule(f"self.matches({quoted(self.pattern)})", message)
        return rule.__get_pydantic_json_schema__(schema, handler)


def between(shortest: str, longest: str, message: str, *, whole_seconds: bool = False) -> Rule:
    """Return the rule for a duration: how it is spelled, and its limits."""
    conditions = (
        "self != ''",
        f"self.matches({quoted(DURATION_PATTERN)})",
        *(["!self.matches('ms$')"] if whole_seconds else []),
        f"duration(self) >= duration({quoted(shortest)})",
        f"duration(self) <= duration({quoted(longest)})",
    )
    return Rule(" && ".join(conditions), message)
