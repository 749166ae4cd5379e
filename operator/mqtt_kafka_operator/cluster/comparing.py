"""Whether an object is as the operator would have it; pure.

What is rendered has to be there, and equal. What is there besides belongs to others, or is a
default of the API server's: an injected container is no reason to write.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from mqtt_kafka_operator.api.spec import GROUP
from mqtt_kafka_operator.cluster.kinds import Manifest
from mqtt_kafka_operator.translate.document import digest

APPLIED_HASH: Final = f"{GROUP}/applied-hash"
"""Annotation of every object that the operator applies: of what it applied. By it a field is found
that is not wanted any more."""
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "volumeMounts": ("mountPath",),
    "ports": ("containerPort", "port", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
}
"""What tells the items of a list apart, by the name of the field: the merge keys of Kubernetes.
Every other list is one value."""
_DEFAULT_KEYS: Final = {"protocol": "TCP"}
_QUANTITIES: Final = frozenset({"requests", "limits", "sizeLimit"})
"""Fields whose values may be written in more than one way."""
_UNITS: Final[Mapping[str, Decimal]] = {
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
    "m": Decimal("0.001"),
    "": Decimal(1),
}


def marked(manifest: Mapping[str, Any]) -> Manifest:
    """Return an object with the hash of itself among its annotations."""
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), APPLIED_HASH: digest(manifest)}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def is_as_wanted(live: object, wanted: object, field: str = "") -> bool:
    """Tell whether all that is wanted is there.

    Args:
        live: as the API server has it.
        wanted: as it is rendered.
        field: the name of the field whose value it is.
    """
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return False
        quantities = field in _QUANTITIES
        return all(
            key in live and is_as_wanted(live[key], value, field if quantities else key)
            for key, value in wanted.items()
        )
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return isinstance(live, Sequence) and _has_items(live, wanted, field)
    if type(live) is type(wanted) and live == wanted:
        return True
    return field in _QUANTITIES and _quantity(live) == _quantity(wanted) is not None


def _has_items(live: Sequence[Any], wanted: Sequence[Any], field: str) -> bool:
    keys = _KEYS.get(field)
    if keys is None:
        pairs: Iterator[tuple[Any, Any]] = zip(live, wanted, strict=False)
        return len(live) == len(wanted) and all(is_as_wanted(*pair) for pair in pairs)
    found = {_identity(item, keys): item for item in live}
    return all(is_as_wanted(found.get(_identity(item, keys)), item) for item in wanted)


def _identity(item: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(item.get(key, _DEFAULT_KEYS.get(key)) for key in keys)


def _quantity(value: object) -> Decimal | None:
    """Return a quantity as a number; None: it is none."""
    text = str(value)
    number = text.rstrip("kMGTPEim")
    try:
        return Decimal(number) * _UNITS[text[len(number) :]]
    except (InvalidOperation, KeyError):
        return None
