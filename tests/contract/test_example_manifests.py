"""The manifests in examples/ say only what the API knows, and together all that it knows."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from mqtt_kafka_operator.api import MqttKafkaBridgeSpec
from mqtt_kafka_operator.api.base import ApiModel, KubernetesObject
from tests.support.manifests import EXAMPLES, GITOPS, Manifest, documents, whole_bridges

ALL = list(whole_bridges())
FILES = pytest.mark.parametrize("bridge", [b for _, b in ALL], ids=[name for name, _ in ALL])


def models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any type hint
    """List the models in the type of a field."""
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


def known(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, bool]]:
    """List the paths of all fields, and whether anything may stand below."""
    for name, field in model.model_fields.items():
        here = f"{path}.{field.alias or name}"
        inner = list(models(field.annotation))
        free = not inner or any(issubclass(m, KubernetesObject) for m in inner)
        yield here, free
        for found in () if free else inner:
            yield from known(found, here)


KNOWN = dict(known(MqttKafkaBridgeSpec))


def used(value: object, path: str = "") -> Iterator[str]:
    """List the paths of what is set, down to where anything may stand."""
    if isinstance(value, dict):
        for key, inner in value.items():
            here = f"{path}.{key}"
            yield here
            if not KNOWN.get(here, True):
                yield from used(inner, here)
    elif isinstance(value, list):
        for inner in value:
            yield from used(inner, path)


@FILES
def test_an_example_is_a_valid_bridge(bridge: Manifest) -> None:
    """As the operator reads it."""
    MqttKafkaBridgeSpec.model_validate(bridge["spec"])


@FILES
def test_an_example_has_no_field_that_does_not_exist(bridge: Manifest) -> None:
    """The API server would refuse it."""
    assert [path for path in used(bridge["spec"]) if path not in KNOWN] == []


def test_every_field_of_the_api_stands_in_an_example() -> None:
    """But for what may stand in parts of a Pod, which are passed on as they are."""
    shown = {path for _, bridge in ALL for path in used(bridge["spec"])}

    assert sorted(KNOWN.keys() - shown) == []


@FILES
def test_an_example_with_an_autoscaler_leaves_the_replicas_to_it(bridge: Manifest) -> None:
    """Whoever copies it would have Git and the autoscaler fight."""
    assert not {"autoscaling", "replicas"} <= bridge["spec"].keys()


def test_an_example_brings_the_secrets_that_it_names() -> None:
    """So that the bridge becomes ready when the broker is there."""
    manifests = documents(EXAMPLES / "tls-and-authentication.yaml")
    brought = {
        (m["metadata"]["name"], key)
        for m in manifests
        if m["kind"] == "Secret"
        for key in m["stringData"]
    }

    assert {*secrets(manifests[-1]["spec"])} == brought


def secrets(value: object) -> Iterator[tuple[str, str]]:
    """List the entries of Secrets that a bridge names."""
    if isinstance(value, dict):
        if "secretName" in value:
            yield value["secretName"], value["key"]
        for inner in value.values():
            yield from secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from secrets(inner)


def test_what_a_team_applies_alone_has_no_unknown_field_either() -> None:
    """It is a part of a bridge."""
    (part,) = documents(GITOPS / "server-side-apply" / "energy.yaml")

    assert [path for path in used(part["spec"]) if path not in KNOWN] == []
