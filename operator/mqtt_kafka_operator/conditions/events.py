"""Which changes of a status are worth an Event: flips and new reasons, never a mere reconcile."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from mqtt_kafka_bridge.contract.status import MappingState, Reason
from mqtt_kafka_operator.api import (
    Condition,
    ConditionType,
    MqttKafkaBridgeStatus,
    OperatorReason,
)
from mqtt_kafka_operator.conditions.verdict import bounded

_EXPECTED = frozenset(
    {
        Reason.STARTING.value,
        OperatorReason.PAUSED.value,
        OperatorReason.DELETING.value,
    }
)
"""Reasons of being unready that somebody asked for, or that take a moment."""
_FINE = frozenset(
    {
        OperatorReason.AS_EXPECTED.value,
        OperatorReason.ROLLING_OUT.value,
        OperatorReason.UNMANAGED.value,
        Reason.NO_MAPPINGS.value,
    }
)
"""Reasons of being ready that need nobody's attention."""


class Event(NamedTuple):
    """A line of `kubectl describe`."""

    type: Literal["Normal", "Warning"]
    reason: str
    note: str
    """At most 1,000 bytes."""


def transitions(old: MqttKafkaBridgeStatus | None, new: MqttKafkaBridgeStatus) -> list[Event]:
    """Return the Events for what changed, each reason once; most important first."""
    if old is new:
        return []
    before = {it.type: it for it in old.conditions} if old is not None else {}
    events: dict[str, Event] = {}
    for event in (*_of_conditions(before, new), *_of_mappings(old, new)):
        events.setdefault(event.reason, event)
    return list(events.values())


def _of_conditions(before: dict[str, Condition], new: MqttKafkaBridgeStatus) -> Iterator[Event]:
    for condition in new.conditions:
        last = before.get(condition.type)
        if last is None or (last.status, last.reason) != (condition.status, condition.reason):
            yield from _of_condition(last.status if last else None, condition)


def _of_condition(last: str | None, now: Condition) -> Iterator[Event]:
    """Yield the Event for a condition whose status or reason is another than before."""
    match now.type, now.status:
        case ConditionType.READY, "True" if last != "True":
            yield Event("Normal", ConditionType.READY.value, now.message)
        case ConditionType.READY, "True" if now.reason not in _FINE:
            yield _warning(now)
        case ConditionType.READY, "False" | "Unknown" if now.reason not in _EXPECTED:
            yield _warning(now)
        case ConditionType.CONFIG_VALID | ConditionType.SECRETS_RESOLVED, "False":
            yield _warning(now)
        case ConditionType.MQTT_CONNECTED | ConditionType.KAFKA_CONNECTED, "False":
            yield _warning(now)
        case ConditionType.DEAD_LETTER_BLOCKED | ConditionType.DATA_LOSS_RISK, "True":
            yield _warning(now)
        case ConditionType.PROGRESSING, "False" if now.reason == OperatorReason.ROLL_OUT_STUCK:
            yield _warning(now)
        case _:
            yield from _of_relief(last, now)


def _of_relief(last: str | None, now: Condition) -> Iterator[Event]:
    """Yield the Event for what has passed, or goes its way."""
    match now.type, last, now.status:
        case ConditionType.CONFIG_VALID | ConditionType.SECRETS_RESOLVED, "False", "True":
            yield Event("Normal", now.reason, "what was wrong has been corrected")
        case ConditionType.MQTT_CONNECTED | ConditionType.KAFKA_CONNECTED, "False", "True":
            yield Event("Normal", now.type, "connected again")
        case ConditionType.DEAD_LETTER_BLOCKED | ConditionType.DATA_LOSS_RISK, "True", "False":
            yield Event("Normal", now.reason, "what was wrong has passed")
        case ConditionType.PROGRESSING, _, "True" if now.reason == OperatorReason.ROLLING_OUT:
            yield Event("Normal", now.reason, "pods are being made, replaced or taken away")
        case ConditionType.PROGRESSING, "True", "False":
            yield Event("Normal", now.reason, now.message or "all pods are of the newest spec")
        case ConditionType.PAUSED, _, "True":
            yield Event("Normal", now.reason, now.message)
        case ConditionType.PAUSED, "True", "False":
            yield Event("Normal", OperatorReason.RESUMED.value, "the bridge is to run again")


def _warning(condition: Condition) -> Event:
    return Event("Warning", condition.reason, bounded(condition.message))


def _of_mappings(old: MqttKafkaBridgeStatus | None, new: MqttKafkaBridgeStatus) -> Iterator[Event]:
    """Yield an Event for each mapping that has stopped: none of its conditions need change."""
    stopped = MappingState.STOPPED.value
    before = {it.name for it in old.mappings if it.state == stopped} if old is not None else set()
    for mapping in new.mappings:
        if mapping.state == stopped and mapping.name not in before:
            note = bounded(f"mapping {mapping.name}: {mapping.message}")
            yield Event("Warning", mapping.reason or stopped, note)
