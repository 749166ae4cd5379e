"""Which of several troubles is told, and which side of a bridge it is about."""

from collections.abc import Iterable

from mqtt_kafka_bridge.contract.status import MappingState, Reason, Trouble

WORST_FIRST = (
    # Somebody must act, and all mappings suffer.
    Reason.SECRET_UNREADABLE,
    Reason.IDENTITY_CONFLICT,
    Reason.MQTT_BAD_CREDENTIALS,
    Reason.MQTT_NOT_AUTHORIZED,
    Reason.MQTT_TLS_FAILED,
    Reason.KAFKA_BAD_CREDENTIALS,
    Reason.KAFKA_MECHANISM_REFUSED,
    Reason.KAFKA_TLS_FAILED,
    Reason.COORDINATION_TOPIC_WRONG,
    # All mappings suffer; it may pass.
    Reason.MQTT_UNREACHABLE,
    Reason.KAFKA_UNREACHABLE,
    Reason.MQTT_REFUSED,
    Reason.MQTT_PROTOCOL_ERROR,
    # Somebody must act for one mapping.
    Reason.MESSAGE_REFUSED,
    Reason.DEAD_LETTER_BLOCKED,
    Reason.MQTT_SUBSCRIPTION_REFUSED,
    Reason.TOPIC_MISSING,
    Reason.TOPIC_FORBIDDEN,
    Reason.GROUP_FORBIDDEN,
    Reason.GENERATION_OVERRULED,
    # It passes.
    Reason.KAFKA_WRITE_FAILED,
    Reason.QUOTA_EXCEEDED,
    Reason.MQTT_TAKEN_OVER,
    Reason.MQTT_DISCONNECTED,
    # Risks: first what was lost, then what may get lost.
    Reason.SESSION_LOST,
    Reason.SHARE_NOT_EMPTY,
    Reason.SESSION_EXPIRY_LOWERED,
    Reason.QOS_LOWERED,
    Reason.MIN_INSYNC_REPLICAS,
    Reason.RETAINED_NOT_SHARED,
    Reason.GENERATION_NOT_RAISED,
    Reason.MARKER_REFUSED,
    Reason.QOS_ZERO,
    # Nothing is wrong.
    Reason.SESSION_ELSEWHERE,
    Reason.STARTING,
    Reason.STOPPING,
    Reason.NO_MAPPINGS,
    Reason.CONNECTED,
)
STATES_WORST_FIRST = (
    MappingState.STOPPED,
    MappingState.STALLED,
    MappingState.WAITING,
    MappingState.DRAINING,
    MappingState.FORWARDING,
)
ON_THE_MOVE = frozenset({Reason.SESSION_ELSEWHERE, Reason.STARTING, Reason.STOPPING})
"""Pods come and go; each of these takes seconds."""
_PREFIXES_OF_MQTT = ("Mqtt", "Identity", "Quota")
_PREFIXES_OF_KAFKA = ("Kafka", "Topic", "Group", "Coordination")


def rank(trouble: Trouble | None) -> int:
    """Return how bad a trouble is: the lower, the worse; none is the best."""
    return len(WORST_FIRST) if trouble is None else WORST_FIRST.index(trouble.reason)


def worst(troubles: Iterable[Trouble]) -> Trouble | None:
    """Return the one to tell; among equals always the same one, whatever order they come in."""
    return min(troubles, key=lambda it: (rank(it), it.message), default=None)


def is_of_mqtt(reason: Reason) -> bool:
    """Tell whether the MQTT broker, or the way there, is to blame."""
    return reason.value.startswith(_PREFIXES_OF_MQTT)


def is_of_kafka(reason: Reason) -> bool:
    """Tell whether Kafka, or the way there, is to blame."""
    return reason.value.startswith(_PREFIXES_OF_KAFKA)
