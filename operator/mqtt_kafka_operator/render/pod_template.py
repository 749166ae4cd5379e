"""The pod template: ours, with the user's merged into it.

What must stay ours can't be in the user's: the API server refuses our labels and annotations, our
volume, and mounts at the place of the configuration (`api.template`, `api.container`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.container import container
from mqtt_kafka_operator.render.merge import merged
from mqtt_kafka_operator.render.metadata import Manifest
from mqtt_kafka_operator.translate import Translation
from mqtt_kafka_operator.translate.document import digest
from mqtt_kafka_operator.translate.grace import grace_seconds

FS_GROUP = 10001
"""The image's own group; whose the files of Secrets are, so that nobody else reads them."""
_MODE = 0o440
_SPREAD_OVER = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
_COPIED = (names.RESTART, names.RESUME)
_BOUNDS = ("limits", "requests")


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """Which state of a Secret was seen; not what is in it."""

    uid: str
    resource_version: str


def pod_template(
    bridge: Bridge, translation: Translation, secrets: Mapping[str, SecretVersion], image: str
) -> Manifest:
    """Return the pod template; another one rolls the pods, so it holds what they need, no more.

    Args:
        bridge: whose pods.
        translation: what they are told.
        secrets: by name, at least every one that they mount.
        image: of the bridge; the user's template may have another.
    """
    added = bridge.spec.template.metadata
    return {
        "metadata": {
            "labels": {**added.labels, **names.labels(bridge.name)},
            "annotations": {**added.annotations, **_annotations(bridge, translation, secrets)},
        },
        "spec": _spec(bridge, translation, image),
    }


def _annotations(
    bridge: Bridge, translation: Translation, secrets: Mapping[str, SecretVersion]
) -> dict[str, str]:
    versions = {
        name: [secrets[name].uid, secrets[name].resource_version]
        for name in translation.secret_keys
    }
    return {
        names.CONFIG_GENERATION: str(translation.config.generation),
        names.CONFIG_HASH: translation.config_hash,
        names.SECRETS_HASH: digest(versions),
        **{key: bridge.annotations[key] for key in _COPIED if key in bridge.annotations},
    }


def _spec(bridge: Bridge, translation: Translation, image: str) -> Manifest:
    ours: Manifest = {
        "serviceAccountName": names.child(bridge.name),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace_seconds(bridge.spec),
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            "fsGroup": FS_GROUP,
        },
        "topologySpreadConstraints": [_constraint(bridge, key) for key in _SPREAD_OVER],
        "containers": [container(translation, image)],
        "volumes": [_volume(bridge, translation)],
    }
    theirs = bridge.spec.template.spec.model_dump(mode="json", exclude_defaults=True)
    spec = merged(ours, theirs)
    for constraint in spec["topologySpreadConstraints"]:
        constraint.setdefault("labelSelector", {"matchLabels": names.selector(bridge.name)})
    _drop_requests(spec, theirs)
    return spec


def _drop_requests(spec: Manifest, theirs: Mapping[str, Any]) -> None:
    """Leave out our request of what the user limits; the API server then takes the limit for it.

    Ours might be above it.
    """
    for changed in theirs.get("containers", []):
        limited, requested = (changed.get("resources", {}).get(key, {}) for key in _BOUNDS)
        resources = spec["containers"][0]["resources"]
        kept = {
            name: quantity
            for name, quantity in resources.pop("requests").items()
            if name in requested or name not in limited
        }
        if kept:
            resources["requests"] = kept


def _constraint(bridge: Bridge, topology_key: str) -> Manifest:
    """Return the wish that a bridge's pods be not all in one place; of those of one template."""
    return {
        "topologyKey": topology_key,
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": names.selector(bridge.name)},
        "matchLabelKeys": ["pod-template-hash"],
    }


def _volume(bridge: Bridge, translation: Translation) -> Manifest:
    """Return the one volume with the configuration and, below it, the entries of Secrets.

    One volume is updated in one step, and needs no names made from those of Secrets, which may be
    longer than a volume's.
    """
    file = {"key": names.CONFIG_KEY, "path": names.CONFIG_KEY}
    config: Manifest = {"configMap": {"name": names.child(bridge.name), "items": [file]}}
    secrets: list[Manifest] = [
        {
            "secret": {
                "name": secret,
                "optional": False,
                "items": [{"key": key, "path": names.secret_path(secret, key)} for key in keys],
            }
        }
        for secret, keys in translation.secret_keys.items()
    ]
    return {
        "name": names.VOLUME,
        "projected": {"defaultMode": _MODE, "sources": [config, *secrets]},
    }
