"""Bytes to packets by the codec: runs of one kind together, and every fault as a plain value."""

from typing import NamedTuple

import mqtt5

Packet = mqtt5.Packet
_ENDLESS = 1 << 32


class Run(NamedTuple):
    """Packets of one kind that stand together, and the bytes that they took on the wire."""

    kind: type[Packet]
    packets: list[Packet]
    size: int


def read_runs(data: memoryview) -> tuple[int, list[Run], str | None]:
    """Return how many bytes were whole packets, the packets, and what is malformed, if anything."""
    read, left, end = mqtt5.read, data, len(data)
    runs: list[Run] = []
    packets: list[Packet] = []
    kind, start, fault = None, 0, None
    try:
        while left:
            packet, size = read(left)
            if type(packet) is not kind:
                position = end - len(left)
                if kind is not None:
                    runs.append(Run(kind, packets, position - start))
                kind, packets, start = type(packet), [], position
            packets.append(packet)
            left = left[size:]
    except IndexError:  # the codec's word for a packet that is not complete yet
        pass
    except BaseException as error:
        # A PanicException of the codec (bad UTF-8 in a string) is no Exception, and has no public
        # class; it does not escape from here, and nothing else is held back.
        if not isinstance(error, ValueError) and type(error).__module__ != "pyo3_runtime":
            raise
        fault = str(error)
    position = end - len(left)
    if kind is not None:
        runs.append(Run(kind, packets, position - start))
    return position, runs, fault


def announced_size(data: memoryview) -> int | None:
    """Return the whole size in bytes of the packet that begins here, or None if not yet known.

    A Remaining Length of more than four bytes is malformed [MQTT5 1.5.5]: it counts as endless.
    """
    remaining = 0
    for index in range(1, min(len(data), 5)):
        byte = data[index]
        remaining |= (byte & 0x7F) << 7 * (index - 1)
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return 1 + index + remaining
    return None if len(data) < 5 else _ENDLESS  # noqa: PLR2004 - type, and four bytes of length


def within(data: memoryview, limit: int) -> memoryview:
    """Return the packets up to the first that is larger than `limit` bytes, or all of them."""
    position = 0
    while (size := announced_size(data[position:])) is not None and size <= limit:
        position += size
    return data if size is None else data[:position]
