"""What the metadata of every object says: its name, its labels, and whose it is."""

from collections.abc import Mapping
from typing import Any

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.api.spec import API_VERSION, KIND

Manifest = dict[str, Any]
"""A Kubernetes object, or a part of one, as plain data."""


def manifest(
    bridge: Bridge,
    kind: names.Child,
    *,
    name: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **content: object,
) -> Manifest:
    """Return an object of a bridge.

    Args:
        bridge: whose it is.
        kind: what it is.
        name: of the object; None: as all of the bridge's are named.
        labels: to add; ours win.
        annotations: of the object.
        content: its further keys, such as `spec`.
    """
    metadata: Manifest = {
        "name": name or names.child(bridge.name),
        "namespace": bridge.namespace,
        "labels": {**(labels or {}), **names.labels(bridge.name)},
        "ownerReferences": [_owner(bridge)],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **content}


def _owner(bridge: Bridge) -> Manifest:
    """Return the reference by which the object goes when the bridge goes."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": bridge.name,
        "uid": bridge.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
