"""The models of the API: what they read, and that they say the same as the bridge's contract."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from mqtt_kafka_bridge.contract import base, config, connection, mappings
from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_operator.api import (
    Condition,
    ConditionType,
    MqttKafkaBridgeSpec,
    MqttKafkaBridgeStatus,
    OperatorReason,
)
from mqtt_kafka_operator.api import connections as api_connections
from mqtt_kafka_operator.api import mappings as api_mappings
from mqtt_kafka_operator.api.base import KafkaTopic, Name
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.api.connections import KafkaServer, MqttServer, Prefix
from mqtt_kafka_operator.api.rules import DURATION_PATTERN, Matching
from mqtt_kafka_operator.api.spec import DeadLetter
from mqtt_kafka_operator.api.workload import Limits
from mqtt_kafka_operator.errors import PassingError, SpecError, UserError

MINIMAL: dict[str, Any] = {
    "mqtt": {"servers": ["mqtt://broker"]},
    "kafka": {"bootstrapServers": ["kafka:9092"]},
}
ALIKE: list[tuple[type[BaseModel], type[BaseModel], set[str]]] = [
    (api_connections.Mqtt, connection.Mqtt, {"authentication", "tls"}),
    (api_connections.KafkaAuthentication, connection.KafkaAuthentication, {"passwordSecret"}),
    (api_connections.Tls, connection.Tls, {"trustedCertificates"}),
    (api_connections.Producer, connection.KafkaProducer, set()),
    (api_connections.Consumer, connection.KafkaConsumer, set()),
    (api_connections.Coordination, connection.Coordination, set()),
    (api_mappings.MqttSource, mappings.MqttSource, set()),
    (api_mappings.Partitioning, mappings.Partitioning, set()),
    (api_mappings.KafkaTarget, mappings.KafkaTarget, set()),
    (api_mappings.MqttToKafka, mappings.MqttToKafka, {"from", "to"}),
    (api_mappings.KafkaSource, mappings.KafkaSource, set()),
    (api_mappings.MqttTarget, mappings.MqttTarget, set()),
    (api_mappings.KafkaToMqtt, mappings.KafkaToMqtt, {"from", "to"}),
    (DeadLetter, connection.DeadLetter, set()),
    (Limits, config.Limits, set()),
    (MqttKafkaBridgeSpec, config.BridgeConfig, set()),
]
"""Models of the API, those of the contract, and the fields that differ on purpose."""
OF_THE_API = {
    "replicas", "paused", "autoscaling", "observability", "template",
    "passwordSecret", "trustedCertificates",
}  # fmt: skip
"""What the operator makes something of; the bridge never hears of it, or of a file instead."""
OF_THE_CONTRACT = {
    "version", "name", "namespace", "generation", "pod", "http", "log", "resumeToken",
    "passwordFile", "trustedCertificateFiles",
}  # fmt: skip
"""What the operator sets itself."""
LOW, HIGH = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")


def fields(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of each field, what may be null without that."""
    properties = model.model_json_schema()["properties"]
    return {
        name: field | next((o for o in field.get("anyOf", ()) if o.get("type") != "null"), {})
        for name, field in properties.items()
    }


def pairs() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for ours, theirs, apart in ALIKE:
        there = fields(theirs)
        for name, field in fields(ours).items():
            if name in there and name not in apart:
                yield f"{ours.__name__}.{name}", field, there[name]


@pytest.mark.parametrize(("ours", "theirs", "apart"), ALIKE)
def test_a_field_is_in_both_or_has_a_reason(
    ours: type[BaseModel], theirs: type[BaseModel], apart: set[str]
) -> None:
    del apart
    alone = {info.alias for info in theirs.model_fields.values()}
    here = {info.alias for info in ours.model_fields.values()}
    if ours is MqttKafkaBridgeSpec:
        assert {"mqtt", "kafka", "mqttToKafka", "kafkaToMqtt"} <= here & alone
        assert "name" in alone - here
    names = {info.alias for info in MqttKafkaBridgeSpec.model_fields.values()}
    assert here - alone <= OF_THE_API
    assert alone - here <= OF_THE_CONTRACT | names


@pytest.mark.parametrize(("name", "ours", "theirs"), list(pairs()), ids=[n for n, _, _ in pairs()])
def test_what_is_left_out_means_the_same_to_the_bridge(
    name: str, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """Descriptions name a default that the contract alone decides."""
    del name
    if not isinstance(ours.get("default"), dict):
        assert ours.get("default") == theirs.get("default")
    assert ours.get("enum", ours.get("const")) == theirs.get("enum", theirs.get("const"))


@pytest.mark.parametrize(("name", "ours", "theirs"), list(pairs()), ids=[n for n, _, _ in pairs()])
def test_what_the_api_server_takes_is_within_the_bounds_of_the_contract(
    name: str, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    del name
    for word in LOW:
        assert ours.get(word, 0) >= theirs.get(word, 0) or "pattern" in theirs
    for word in HIGH:
        assert ours.get(word, 0) <= theirs.get(word, 2**64)


def pattern_of(kind: Any) -> str:  # noqa: ANN401 - an annotated type
    found = next(mark for mark in kind.__metadata__ if isinstance(mark, Matching))
    return str(found.pattern)


@settings(max_examples=60)
@given(st.data())
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (MqttServer, connection.MqttServer),
        (KafkaServer, connection.KafkaServer),
        (Prefix, connection.ClientIdPrefix),
        (Name, base.Name),
        (KafkaTopic, base.KafkaTopic),
    ],
)
def test_what_a_pattern_of_the_api_lets_through_the_contract_takes(
    ours: Any,  # noqa: ANN401 - an annotated type
    theirs: Any,  # noqa: ANN401 - an annotated type
    data: st.DataObject,
) -> None:
    adapter, contract = TypeAdapter[str](ours), TypeAdapter[str](theirs)
    limit = adapter.json_schema()["maxLength"]
    texts = st.from_regex(pattern_of(ours), fullmatch=True).filter(lambda t: len(t) <= limit)
    text = data.draw(texts.filter(lambda t: t not in {".", ".."}))

    assert contract.validate_python(adapter.validate_python(text)) == text


@settings(max_examples=60)
@given(st.from_regex(DURATION_PATTERN, fullmatch=True).filter(bool))
def test_a_duration_that_the_api_takes_is_one_that_the_contract_reads(text: str) -> None:
    assert isinstance(base.parse_duration(text), timedelta)


def test_two_addresses_are_enough() -> None:
    spec = MqttKafkaBridgeSpec.model_validate(MINIMAL)
    assert (spec.replicas, spec.paused, spec.loop_guard) == (1, False, True)
    assert spec.model_dump(mode="json", exclude_unset=True) == MINIMAL


def test_a_field_of_a_newer_crd_is_left_alone() -> None:
    spec = MqttKafkaBridgeSpec.model_validate(MINIMAL | {"yetToCome": True})
    assert not hasattr(spec, "yet_to_come")


def test_parts_of_kubernetes_pass_as_they_are() -> None:
    affinity = {"nodeAffinity": {"x": [1, None]}}
    volume = {"name": "notes", "configMap": {"name": "notes"}}
    template = {"spec": {"affinity": affinity, "volumes": [volume]}}
    spec = MqttKafkaBridgeSpec.model_validate(MINIMAL | {"template": template})
    assert spec.model_dump(mode="json", exclude_unset=True)["template"] == template


def test_nobody_changes_a_spec() -> None:
    spec = MqttKafkaBridgeSpec.model_validate(MINIMAL)
    with pytest.raises(ValidationError, match="frozen"):
        spec.paused = True  # type: ignore[misc]


def test_a_status_is_written_as_the_crd_has_it() -> None:
    condition = Condition(
        type=ConditionType.READY,
        status="True",
        last_transition_time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        reason=OperatorReason.AS_EXPECTED,
        message="",
    )
    written = MqttKafkaBridgeStatus(observed_generation=2, conditions=[condition]).model_dump(
        mode="json"
    )
    assert written["observedGeneration"] == 2
    assert written["conditions"] == [
        {
            "type": "Ready",
            "status": "True",
            "observedGeneration": 0,
            "lastTransitionTime": "2026-01-02T03:04:05Z",
            "reason": "AsExpected",
            "message": "",
        }
    ]


@pytest.mark.parametrize("reason", OperatorReason)
def test_a_reason_is_one_word_with_a_meaning_and_a_cure(reason: OperatorReason) -> None:
    assert str(reason).isalnum()
    assert str(reason)[0].isupper()
    assert reason.meaning.endswith(".")
    assert reason.cure.endswith(".")


def test_a_reason_of_the_operator_means_one_thing() -> None:
    """Where a word is the bridge's too, it means the same there."""
    assert {str(r) for r in OperatorReason} & {str(r) for r in Reason} == {"Starting"}


def resource(**spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of the spec
    metadata = {"name": "plant", "namespace": "factory", "uid": "u", "generation": 3}
    return {"metadata": metadata, "spec": MINIMAL | spec}


def test_a_resource_is_read_with_its_annotations() -> None:
    annotated = resource()
    annotated["metadata"]["annotations"] = {"a": "b"}
    assert Bridge.read(annotated).annotations == {"a": "b"}
    assert Bridge.read(resource()).annotations == {}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"kafka": {}}, "spec.kafka.bootstrapServers: is missing; add it"),
        ({"mqtt": {"servers": ["tcp://a"]}}, "spec.mqtt.servers[0]: is 'tcp://a'; write mqtt://"),
        ({"replicas": "many"}, 'spec.replicas: is "many"; input should be a valid integer'),
    ],
)
def test_what_an_older_crd_let_through_is_told_with_its_place(
    spec: dict[str, Any], says: str
) -> None:
    with pytest.raises(SpecError) as refused:
        Bridge.read(resource(**spec))

    assert says in str(refused.value)


def test_a_refused_spec_tells_all_its_mistakes() -> None:
    error = SpecError([Mistake(("spec", "a"), "is 1", "write 2"), Mistake(("spec", "b"), "c", "d")])
    assert str(error) == "spec.a: is 1; write 2\nspec.b: c; d"
    assert (error.message, error.cure) == ("spec.a is 1", "write 2")
    assert SpecError.at(("spec", "a"), "is 1", "write 2").mistakes == error.mistakes[:1]


def test_a_mistake_without_a_cure_is_told_alone() -> None:
    assert str(UserError("is wrong", "")) == "is wrong"
    assert str(UserError("is wrong", "mend it")) == "is wrong; mend it"


def test_what_passes_says_how_long_to_wait_if_the_api_server_does() -> None:
    assert PassingError("busy", retry_after_seconds=2).retry_after_seconds == 2
    assert PassingError("away").retry_after_seconds is None
