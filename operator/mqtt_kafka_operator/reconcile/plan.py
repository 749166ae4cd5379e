"""What a resource asks for, as far as it can be told without asking anybody; pure."""

from dataclasses import dataclass
from typing import Any

from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_operator import names
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.cluster import Manifest
from mqtt_kafka_operator.errors import SpecError
from mqtt_kafka_operator.reconcile.identity import identity_mistakes
from mqtt_kafka_operator.translate import Running, Translation, translate


@dataclass(frozen=True, slots=True)
class Plan:
    """What there should be, or why nothing is changed."""

    bridge: Bridge | None
    """None: the spec can't even be read."""
    translation: Translation | None = None
    """None: there are mistakes."""
    mistakes: tuple[Mistake, ...] = ()
    mistakes_reason: OperatorReason = OperatorReason.INVALID_SPEC


def plan(resource: Manifest, deployment: Manifest | None, config_map: Manifest | None) -> Plan:
    """Read a resource, in the light of what runs.

    Args:
        resource: as the API server has it.
        deployment: its own; None: it has none.
        config_map: its own; None: it has none.
    """
    running = Running.of(deployment)
    try:
        bridge = Bridge.read(resource)
    except SpecError as error:
        return Plan(None, mistakes=error.mistakes)
    try:
        translation = translate(bridge, running)
    except SpecError as error:
        return Plan(bridge, mistakes=error.mistakes)
    changes = identity_mistakes(bridge, translation, config_map, running)
    if changes:
        return Plan(
            bridge, mistakes=tuple(changes), mistakes_reason=OperatorReason.IDENTITY_CHANGED
        )
    return Plan(bridge, translation)


def is_unmanaged(resource: Manifest) -> bool:
    """Tell whether the operator is to keep its hands off."""
    annotations: dict[str, Any] = resource["metadata"].get("annotations") or {}
    return annotations.get(names.MANAGEMENT_STATE) == names.UNMANAGED
