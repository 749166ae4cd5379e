"""How much memory a bridge needs, in bytes."""

import math

from mqtt_kafka_bridge.contract import BridgeConfig

MIB = 1 << 20
_BASE = 96 * MIB
"""At rest it was 73 MiB, libraries and all (docs/benchmarks.md)."""
_PER_BYTE_IN_FLIGHT = 4
"""A message in flight is there as packet, payload and batch entry, then in a batch, then in that
batch compressed and in the buffers of sockets. At most 3.2 bytes a byte were seen: 150 MiB in all
with a window full of 2 KiB messages."""
_PER_SESSION = 2 * MIB
"""Each has a producer of its own with connections to the brokers."""
_PER_CONSUMER = 8 * MIB
"""Two answers of 4 MiB: one is used up while the next one comes."""
_STEP = 32 * MIB


def memory_limit(config: BridgeConfig) -> int:
    """Return what the container may use at most: nothing that it does by design takes more."""
    sessions = sum(mapping.sessions for mapping in config.mqtt_to_kafka)
    bound = (
        _BASE
        + _PER_BYTE_IN_FLIGHT * config.limits.bytes_in_flight
        + _PER_SESSION * sessions
        + _PER_CONSUMER * len(config.kafka_to_mqtt)
    )
    return math.ceil(bound / _STEP) * _STEP


def memory_request(config: BridgeConfig) -> int:
    """Return what to reserve: half of the limit, which is what it uses under load."""
    return memory_limit(config) // 2
