"""Which slot a session belongs to."""

from mqtt_kafka_bridge.mapping.murmur2 import partition_for


def slot_of(mapping: str, member: int, slots: int) -> int:
    """Return the partition of the coordination topic that stands for a mapping's member.

    All incarnations of a member share it, so that one pod replaces one by the other.
    """
    return partition_for(f"{mapping}/{member}".encode(), slots)
