"""Kinds of objects, and where the API has them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.spec import API_VERSION, KIND, PLURAL

Kind = names.Child
Manifest = dict[str, Any]
"""An object as the API has it: plain JSON data."""


class Key(NamedTuple):
    """Which bridge."""

    namespace: str
    name: str


BRIDGE: Final = Kind(API_VERSION, KIND, PLURAL)
POD: Final = Kind("v1", "Pod", "pods")
SECRET: Final = Kind("v1", "Secret", "secrets")
EVENT: Final = Kind("events.k8s.io/v1", "Event", "events")
OWNED: Final = (*names.CHILDREN, names.JOB)
"""What the operator writes for a bridge."""
_BY_NAME: Final = {(kind.api_version, kind.kind): kind for kind in (BRIDGE, *OWNED)}


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """Return the kind of an object that the operator writes."""
    return _BY_NAME[manifest["apiVersion"], manifest["kind"]]


def group_path(kind: Kind) -> str:
    """Return where the API has the group and version of a kind."""
    root = "apis" if "/" in kind.api_version else "api"
    return f"/{root}/{kind.api_version}"


def path(kind: Kind, namespace: str | None, name: str = "", subresource: str = "") -> str:
    """Return where the API has the objects of a kind, or one, or a part of one."""
    within = f"namespaces/{quote(namespace)}" if namespace else ""
    parts = (group_path(kind), within, kind.plural, quote(name), subresource)
    return "/".join(filter(None, parts))
