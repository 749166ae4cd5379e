"""The window: what has arrived and is not finished, numbered in arrival order. Pure.

Both directions use it: MQTT messages until they are acknowledged, Kafka records until their offset
may be committed. Everything is per chunk (what one read brought), nothing per message.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


@dataclass(slots=True)
class Chunk(Generic[Item]):
    """Items that arrived together; `first` is the number of the first.

    Args:
        size: what they count against the limit of bytes in flight.
        at: when they arrived, on the loop's clock, in seconds.
        packet_ids: their MQTT packet ids; None for an item that needs no acknowledgement.
        origin: the connection or the partition that they came by.
    """

    first: int
    items: Sequence[Item]
    size: int
    at: float
    packet_ids: Sequence[int | None] = ()
    origin: object = None

    @property
    def end(self) -> int:
        """The number after the last."""
        return self.first + len(self.items)

    def item(self, number: int) -> Item:
        """Return the item with a number."""
        return self.items[number - self.first]


class Slice(NamedTuple, Generic[Item]):
    """A part of a chunk, by index."""

    chunk: Chunk[Item]
    start: int
    stop: int


class Window(Generic[Item]):
    """Chunks in arrival order. `first` is the oldest unfinished number, `next` the coming one."""

    def __init__(self) -> None:
        self.first = 0
        self.next = 0
        self.size = 0
        """What the chunks count against the limit of bytes in flight."""
        self._chunks: deque[Chunk[Item]] = deque()

    def __len__(self) -> int:
        return self.next - self.first

    def add(
        self,
        items: Sequence[Item],
        size: int,
        at: float,
        packet_ids: Sequence[int | None] = (),
        origin: object = None,
    ) -> Chunk[Item]:
        """Take what arrived."""
        chunk = Chunk(self.next, items, size, at, packet_ids, origin)
        self._chunks.append(chunk)
        self.next = chunk.end
        self.size += size
        return chunk

    def finish(self, up_to: int) -> list[Slice[Item]]:
        """Finish everything numbered below `up_to`; return it in order."""
        finished = []
        while self.first < up_to:
            chunk = self._chunks[0]
            start, stop = self.first - chunk.first, min(up_to, chunk.end) - chunk.first
            finished.append(Slice(chunk, start, stop))
            self.first = chunk.first + stop
            if self.first == chunk.end:
                self.size -= self._chunks.popleft().size
        return finished

    def since(self, number: int) -> Iterator[Slice[Item]]:
        """Yield what has this number or a later one, in order."""
        for chunk in self._chunks:
            if chunk.end > number:
                yield Slice(chunk, max(0, number - chunk.first), len(chunk.items))

    def chunks(self) -> Iterator[Chunk[Item]]:
        """Yield the unfinished chunks, oldest first."""
        return iter(self._chunks)

    def chunk_of(self, number: int) -> Chunk[Item]:
        """Return the chunk that holds an unfinished number."""
        return next(chunk for chunk in self._chunks if number < chunk.end)

    def drop(self, since: int, gone: Callable[[Chunk[Item], int], bool]) -> int:
        """Drop items from number `since` on for which `gone(chunk, index)`; number the rest anew.

        `since` is an unfinished number, or `next`. Returns how many were dropped.
        """
        tail = list(self.since(since))
        while self._chunks and self._chunks[-1].end > since:
            self.size -= self._chunks.pop().size
        self.next, dropped = since, 0
        for chunk, start, stop in tail:
            stay = [i for i in range(start, stop) if not gone(chunk, i)]
            dropped += stop - start - len(stay)
            ids, of_one = chunk.packet_ids, -(-chunk.size // len(chunk.items))
            if start and since > self.first:
                kept = chunk.items[:start]
                size = of_one * start
                self._chunks.append(replace(chunk, items=kept, packet_ids=ids[:start], size=size))
                self.size += size
            if stay:
                items = [chunk.items[i] for i in stay]
                kept_ids = [ids[i] for i in stay] if ids else ()
                self.add(items, of_one * len(stay), chunk.at, kept_ids, chunk.origin)
        return dropped

    def clear(self) -> int:
        """Forget everything; return how many items that were."""
        count = len(self)
        self._chunks.clear()
        self.first = self.next
        self.size = 0
        return count
