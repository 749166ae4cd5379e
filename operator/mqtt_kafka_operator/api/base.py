"""What every model of the API shares: spelling, the types of values, and rules of their own."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.alias_generators import to_camel

from mqtt_kafka_bridge.contract import base as contract
from mqtt_kafka_bridge.contract.sentences import PATTERN_CURES
from mqtt_kafka_operator.api.rules import VALIDATIONS, Matching, Rule

LONGEST_DURATION = 38
"""In characters; what its pattern allows."""


def _with_rules(schema: dict[str, Any], model: type[BaseModel]) -> None:
    rules = model.rules if issubclass(model, ApiModel) else ()
    if rules:
        schema[VALIDATIONS] = [rule.validation() for rule in rules]


class ApiModel(BaseModel):
    """Base of every model: immutable, spelled in camelCase.

    An unknown field is ignored here: the API server refuses it, and an operator that is older than
    the CRD must be able to read what was written for a newer one.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        serialize_by_alias=True,
        validate_by_name=True,
        validate_by_alias=True,
        json_schema_extra=_with_rules,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()
    """What must hold between the fields; checked by the API server and by `mqtt-kafka check`."""


class KubernetesObject(ApiModel):
    """A part of a Kubernetes object that is passed on as it is: its fields are not ours to know."""

    model_config = ConfigDict(extra="allow")


Duration = Annotated[
    contract.Duration, WithJsonSchema({"type": "string", "maxLength": LONGEST_DURATION})
]
"""A Kubernetes duration string; each field of it says its limits by the rule `between`."""
Name = Annotated[
    str,
    StringConstraints(max_length=63),
    Matching(contract.NAME_PATTERN, PATTERN_CURES[contract.NAME_PATTERN]),
]
"""A DNS label, as Kubernetes names things."""
KafkaTopic = Annotated[
    str,
    StringConstraints(max_length=249),
    Matching(contract.KAFKA_TOPIC_PATTERN, PATTERN_CURES[contract.KAFKA_TOPIC_PATTERN]),
    Rule("!(self in ['.', '..'])", "is no topic that Kafka takes; choose another name"),
]
SecretName = Annotated[
    str,
    StringConstraints(max_length=253),
    Matching(
        r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "write the name of a Secret: lower-case letters, digits, '-' and '.'",
    ),
]
SecretEntry = Annotated[
    str,
    StringConstraints(max_length=253),
    Matching(
        r"^[-._a-zA-Z0-9]+$", "write a key of the Secret's data: letters, digits, '-', '_' and '.'"
    ),
]
Word = Annotated[str, StringConstraints(max_length=63)]
"""A fixed word of ours: a state or a reason."""
Text = Annotated[str, StringConstraints(max_length=32768)]


class SecretKey(ApiModel):
    """One entry of a Secret in the namespace of the bridge."""

    secret_name: SecretName = Field(description="Name of the Secret.", examples=["plant-mqtt"])
    key: SecretEntry = Field(description="Key in the Secret's data.", examples=["password"])
