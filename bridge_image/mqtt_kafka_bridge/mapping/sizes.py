"""How large a record is at most before it is written, so that what is too large never is."""

from collections.abc import Iterable

from mqtt_kafka_bridge.mapping.messages import SourceHeader

_EMPTY_RECORD_BYTES = 61 + 36
"""A batch's own bytes (KIP-98), and a record's lengths, deltas and counts at their longest."""
_EMPTY_HEADER_BYTES = 10


def header_bytes(header: SourceHeader) -> int:
    """Return the most bytes that a header takes."""
    name, value = header
    return _EMPTY_HEADER_BYTES + len(name.encode()) + len(value or b"")


def record_bytes(key: bytes | None, value: bytes | None, headers: Iterable[SourceHeader]) -> int:
    """Return the most bytes that a record takes, alone in a batch and not compressed."""
    return (
        _EMPTY_RECORD_BYTES
        + len(key or b"")
        + len(value or b"")
        + sum([header_bytes(header) for header in headers])
    )
