"""Take PUBLISH packets apart by the thousand, as a matrix of bytes where their lengths agree."""

from dataclasses import dataclass

import numpy as np

from bench.messages import Bytes, Ints

_DUP = 0x08
_FEW = 16


@dataclass(frozen=True)
class Layout:
    """Where things stand in one packet, counted from its first byte."""

    topic: int
    packet_id: int
    end: int

    @property
    def checked(self) -> int:
        """How many leading bytes two packets of this layout share: up to the topic."""
        return self.topic


@dataclass(frozen=True)
class Packets:
    """PUBLISH packets within a buffer: positions, one a packet."""

    topic: Ints
    packet_id: Ints
    end: Ints


def layout(buffer: bytes | bytearray | memoryview, at: int, available: int) -> Layout | None:
    """Read one PUBLISH's header; None if the packet is not whole.

    Raises:
        ValueError: it is no PUBLISH.
    """
    if available - at < 5:
        return None
    if buffer[at] & 0xF0 != 0x30:
        raise ValueError(f"packet type {buffer[at] >> 4} where a PUBLISH was expected")
    length, head, shift = 0, 1, 0
    while True:
        byte = buffer[at + head]
        length |= (byte & 0x7F) << shift
        head, shift = head + 1, shift + 7
        if byte < 0x80:
            break
    if at + head + length > available:
        return None
    topic = head + 2
    topic_bytes = buffer[at + head] << 8 | buffer[at + head + 1]
    return Layout(topic, topic + topic_bytes, head + length)


def split(buffer: bytearray, available: int) -> tuple[Packets, int]:
    """Return the PUBLISH packets at the buffer's start, and how many bytes they take.

    Stops before a packet that is not whole or is no PUBLISH.
    """
    pieces: list[Packets] = []
    at = 0
    while _is_publish(buffer, at, available):
        first = layout(buffer, at, available)
        if first is None:
            break
        count = _alike(buffer, at, available, first)
        if count >= _FEW:
            starts = at + np.arange(count, dtype=np.int64) * first.end
            pieces.append(
                Packets(starts + first.topic, starts + first.packet_id, starts + first.end)
            )
            at += count * first.end
        else:
            piece, at = _one_by_one(buffer, at, available)
            pieces.append(piece)
    columns = [np.concatenate([np.zeros(0, dtype=np.int64), *part]) for part in _columns(pieces)]
    return Packets(*columns), at


def _columns(pieces: list[Packets]) -> tuple[list[Ints], list[Ints], list[Ints]]:
    return (
        [piece.topic for piece in pieces],
        [piece.packet_id for piece in pieces],
        [piece.end for piece in pieces],
    )


def _is_publish(buffer: bytearray, at: int, available: int) -> bool:
    return at < available and buffer[at] & 0xF0 == 0x30


def _alike(buffer: bytearray, at: int, available: int, first: Layout) -> int:
    """Count the packets from here on that have the first one's lengths."""
    count = (available - at) // first.end
    rows: Bytes = np.frombuffer(buffer, dtype=np.uint8, count=count * first.end, offset=at)
    heads = rows.reshape(count, first.end)[:, : first.checked].copy()
    heads[:, 0] &= 0xFF ^ _DUP
    differs = (heads != heads[0]).any(axis=1)
    return int(differs.argmax()) if bool(differs.any()) else count


def _one_by_one(buffer: bytearray, at: int, available: int) -> tuple[Packets, int]:
    """Read up to some hundreds of packets whose lengths vary."""
    topics: list[int] = []
    ids: list[int] = []
    ends: list[int] = []
    while len(ends) < 256 and _is_publish(buffer, at, available):
        found = layout(buffer, at, available)
        if found is None:
            break
        topics.append(at + found.topic)
        ids.append(at + found.packet_id)
        at += found.end
        ends.append(at)
    columns = [np.array(part, dtype=np.int64) for part in (topics, ids, ends)]
    return Packets(*columns), at
