"""Merging a partial pod template into a whole one as Kubernetes does: a strategic merge patch.

Maps are merged by key, and null deletes one. Lists whose items have a merge key are merged by it,
all other lists are replaced. `$patch: delete` and `$patch: replace` do what they do in `kubectl
patch`. Source: k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

MERGE_KEYS = {
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "resourceClaims": "name",
    "schedulingGates": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
"""Of the lists of a pod template, by field: `patchMergeKey` in k8s.io/api/core/v1/types.go, types
PodSpec and Container. No list of another name or meaning has one of these names in there."""
_DIRECTIVE = "$patch"


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a map with a patch merged into it; neither is changed."""
    directive = patch.get(_DIRECTIVE)
    if directive == "delete":
        return {}
    result = {} if directive == "replace" else deepcopy(dict(base))
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif (key, directive) != (_DIRECTIVE, "replace"):
            result[key] = _value(key, result.get(key), value)
    return result


def _value(key: str, before: object, value: object) -> object:
    if isinstance(value, Mapping):
        return merged(before if isinstance(before, Mapping) else {}, value)
    if isinstance(value, list) and key in MERGE_KEYS:
        return _list(MERGE_KEYS[key], before if isinstance(before, list) else [], value)
    return _without_nulls(value)


def _list(
    key: str, base: Sequence[dict[str, Any]], patch: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Merge two lists by a key: what is there keeps its place, what is new comes behind it."""
    directives = [item.get(_DIRECTIVE) for item in patch]
    deleted = [item.get(key) for item in patch if item.get(_DIRECTIVE) == "delete"]
    result = [item for item in base if item.get(key) not in deleted]
    if "replace" in directives:
        result = []
    for item in (item for item in patch if item.get(_DIRECTIVE) not in {"delete", "replace"}):
        place = next((n for n, it in enumerate(result) if it.get(key) == item.get(key)), None)
        if place is None:
            result.append(merged({}, item))
        else:
            result[place] = merged(result[place], item)
    return result


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return what takes another's place; nulls in it have nothing to delete."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(it) for key, it in value.items() if it is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
