"""Who may claim a session, and whom one has to wait for (design: Sessions)."""

from collections.abc import Set as AbstractSet

from mqtt_kafka_bridge.coordination.records import RecordState
from mqtt_kafka_bridge.coordination.view import Entry


def free(
    entry: Entry | None,
    instance: str,
    present: AbstractSet[str],
    seconds_since_assigned: float,
    session_timeout_seconds: float,
) -> bool:
    """Tell whether we may claim a session of a slot that is ours.

    Args:
        entry: what the coordination topic says of the session.
        instance: ours.
        present: the instances of all members as of our assignment.
        seconds_since_assigned: time since that assignment.
        session_timeout_seconds: how long the group bears with a member's silence.
    """
    if entry is None or entry.record.state is not RecordState.CLAIMED:
        return True
    holder = entry.record.instance
    # Whoever is not present was thrown out, which took the session time-out, or has left.
    return (
        holder == instance
        or holder not in present
        or seconds_since_assigned >= session_timeout_seconds
    )


def waits_for(
    entry: Entry | None,
    instance: str,
    present: AbstractSet[str],
    seconds_since_assigned: float,
    session_timeout_seconds: float,
) -> str | None:
    """Return the pod that has yet to release a session; None if it is free."""
    if entry is None or free(
        entry, instance, present, seconds_since_assigned, session_timeout_seconds
    ):
        return None
    return entry.record.pod
