"""What the translator refuses when the CRD is generated, with the place."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from pydantic import ConfigDict, Field, create_model

from mqtt_kafka_operator.api.base import ApiModel, Duration, KubernetesObject, Name
from mqtt_kafka_operator.api.rules import (
    VALIDATIONS,
    ListKey,
    Matching,
    Rule,
    StoredDefault,
    between,
    quoted,
)
from mqtt_kafka_operator.schema import Schema, structural_schema
from mqtt_kafka_operator.schema_rules import NotStructuralError

Text = Annotated[str, Field(max_length=9)]
CURE = "is wrong; write it right"


class Part(ApiModel):
    """A part."""

    rules = (Rule("self.size > 0", CURE, ".size"),)
    size: int = Field(default=1, ge=0, le=9, description="Size.")


class Named(ApiModel):
    """A part with a name."""

    name: Name = Field(description="Name.")


class Endless(ApiModel):
    """A part that holds itself."""

    inner: "Endless | None" = Field(default=None, description="The same again.")


class Empty(ApiModel):
    """A part without fields."""


class Closed(ApiModel):
    """A part that limits what else may be there."""

    model_config = ConfigDict(extra="forbid")
    size: int = Field(default=1, ge=0, le=9, description="Size.")


def of(annotation: Any, **field: Any) -> Schema:  # noqa: ANN401 - any field
    """Return the schema of a model with this one field, optional unless it has no default."""
    info = Field(**({"default": None, "description": "A field."} | field))
    model = create_model("M", __base__=ApiModel, __doc__="A model.", field=(annotation, info))
    schema: Schema = structural_schema(model)["properties"]["field"]
    return schema


REFUSED: list[tuple[Callable[[], Schema], str]] = [
    (lambda: of(str), "M.field: has no maxLength"),
    (lambda: of(int), "M.field: has no minimum"),
    (lambda: of(Annotated[int, Field(ge=0)]), "M.field: has no maximum"),
    (lambda: of(Annotated[int, Field(ge=0, le=2**63)]), "M.field: is from 0 to"),
    (lambda: of(Annotated[int, Field(gt=0, le=9)]), "has exclusiveMinimum, which no CRD knows"),
    (lambda: of(Annotated[int, Field(multiple_of=2, ge=0, le=9)]), "has multipleOf"),
    (lambda: of(float), "has the type 'number'"),
    (lambda: of(Any), "has the type None"),
    (lambda: of(list[Text]), "M.field: has no maxItems"),
    (lambda: of(tuple[Text, Text]), "has prefixItems"),
    (lambda: of(Annotated[set[Text], Field(max_length=2)]), "has uniqueItems"),
    (lambda: of(dict[Text, Text]), "M.field: has no maxProperties"),
    (
        lambda: of(Annotated[dict[str, Text], Field(max_length=2)]),
        "M.field.<key>: has no maxLength",
    ),
    (lambda: of(Annotated[str, Field(max_length=9, pattern="^a$")]), "has pattern"),
    (lambda: of(bytes), "has the format binary"),
    (lambda: of(timedelta), "has the format duration"),
    (lambda: of(int | Part), "M.field: is a union"),
    (lambda: of(int | Text, json_schema_extra={"maxLength": 1}), "has maxLength beside a union"),
    (lambda: of(int | str), "M.field: has no maxLength"),
    (lambda: of(Text | None, default=...), "must stand and may be null; give it a default"),
    (lambda: of(Text, description=None), "M.field: has no description"),
    (lambda: of(Endless), "M.field.inner: holds Endless within Endless"),
    (lambda: of(Empty), "M.field: has no field"),
    (lambda: of(Closed), "M.field: has fields and limits others"),
    (lambda: of(Annotated[list[Part], ListKey("size")], max_length=2), "told apart by size"),
    (lambda: of(Annotated[Text, Rule("self.startsWith('a')", CURE)]), "calls startsWith in a rule"),
    (lambda: of(Annotated[Text, Rule("self == 'a'", "is wrong")]), "say what is wrong; what to"),
    (lambda: of(Annotated[Text, Rule("self == 'a'", CURE + "\n")]), "say what is wrong; what to"),
    (lambda: of(Annotated[Text, Rule("self == 'a'", "a; b" * 999)]), "say what is wrong; what to"),
    (lambda: of(Annotated[Part, Rule("true", CURE, ".length")]), "blames .length, which is no"),
    (lambda: of(Annotated[Text, Matching("^(?=a)$", "write a")]), "which RE2 does not know"),
    (lambda: of(Annotated[Text, Matching(r"^(a)\1$", "write a")]), "which RE2 does not know"),
    (lambda: of(Annotated[Text, Matching(r"^\d$", "write a")]), "ASCII to some and Unicode"),
    (lambda: of(int | Annotated[str, Field(max_length=9, pattern=r"^\w$")]), "ASCII to some"),
]


@pytest.mark.parametrize(("model", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_what_a_crd_cannot_say_is_refused_with_its_place(
    model: Callable[[], Schema], says: str
) -> None:
    with pytest.raises(NotStructuralError) as refused:
        model()

    assert says in str(refused.value)


def test_an_optional_value_may_be_left_out_and_is_never_null() -> None:
    assert of(Text | None) == {"description": "A field.", "type": "string", "maxLength": 9}


def test_words_are_an_enumeration_be_they_one_or_many() -> None:
    assert of(Literal["a"])["enum"] == ["a"]
    assert of(Literal["a", "b"])["enum"] == ["a", "b"]
    assert of(Literal[0, 1]) == {
        "description": "A field.", "type": "integer", "format": "int32", "enum": [0, 1],
    }  # fmt: skip


def test_a_default_is_told_and_stored_only_where_that_is_asked_for() -> None:
    told = of(Annotated[Duration, between("1s", "1h", CURE)], default=timedelta(minutes=2))
    assert told["description"] == "A field. Default: 2m."
    assert "default" not in told
    stored = of(Annotated[int, StoredDefault()], default=3, ge=0, le=9)
    assert (stored["description"], stored["default"]) == ("A field. Default: 3.", 3)


def test_a_number_or_a_text_is_a_quantity() -> None:
    quantity = of(int | Annotated[str, Field(max_length=9, pattern="^[0-9]$")])
    assert quantity["x-kubernetes-int-or-string"] is True
    assert (quantity["maxLength"], quantity["pattern"]) == (9, "^[0-9]$")


def test_a_wide_number_is_an_int64() -> None:
    assert of(int, ge=0, le=2**40)["format"] == "int64"
    assert of(int, ge=-(2**40), le=0)["format"] == "int64"
    assert of(int, ge=0, le=9)["format"] == "int32"


def test_a_time_needs_no_bound() -> None:
    assert of(datetime)["format"] == "date-time"


def test_lists_of_named_things_are_merged_by_name_and_others_are_one_value() -> None:
    named = of(list[Named], min_length=1, max_length=2)
    assert named["x-kubernetes-list-map-keys"] == ["name"]
    assert named["minItems"] == 1
    assert of(list[Part], max_length=2)["x-kubernetes-list-type"] == "atomic"


def test_a_kubernetes_object_is_passed_on_as_it_is() -> None:
    assert of(KubernetesObject)["x-kubernetes-preserve-unknown-fields"] is True


def test_the_rules_of_a_model_and_of_its_field_both_stand() -> None:
    schema = of(Annotated[Part, Rule("true", CURE)])
    assert [rule["rule"] for rule in schema[VALIDATIONS]] == ["self.size > 0", "true"]


def test_a_rule_about_a_map_stands_beside_the_one_about_its_keys() -> None:
    schema = of(Annotated[dict[Text, Text], Rule("true", CURE)], max_length=2)
    assert [rule["rule"] for rule in schema[VALIDATIONS]][1:] == ["true"]
    assert "size(k) <= 9" in schema[VALIDATIONS][0]["rule"]


def test_the_least_length_of_a_text_is_kept() -> None:
    assert of(Text, min_length=1)["minLength"] == 1


def test_text_in_a_rule_is_quoted_as_cel_reads_it() -> None:
    assert quoted(r"a\b'c") == r"'a\\b\'c'"
