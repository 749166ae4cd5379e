"""How far a mapping from Kafka has come: what is finished, and up to where to commit."""

from collections.abc import Iterable, Mapping

from mqtt_kafka_bridge.flows.budget import MESSAGE_BYTES, Share
from mqtt_kafka_bridge.flows.outcomes import Outcomes
from mqtt_kafka_bridge.flows.ports import Fetched, TopicPartition
from mqtt_kafka_bridge.flows.window import Chunk, Window
from mqtt_kafka_bridge.mapping.messages import SourceRecord
from mqtt_kafka_bridge.observe.meter import Meter


def source(chunk: Chunk[SourceRecord]) -> Fetched:
    """Return the fetch that brought a chunk."""
    fetched = chunk.origin
    assert isinstance(fetched, Fetched)  # noqa: S101 - what `Progress.take` put there
    return fetched


class Progress:
    """The records that were read and are not finished, and the positions behind those that are.

    A position is contiguous: everything before it in its partition is finished.
    """

    def __init__(self, meter: Meter, share: Share) -> None:
        self.window: Window[SourceRecord] = Window()
        self.outcomes = Outcomes(meter)
        self._meter = meter
        self._share = share
        self._positions: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}

    def begin(self, positions: Mapping[TopicPartition, int]) -> None:
        """Begin with these partitions, and no others, at their committed positions."""
        self._positions = dict(positions)
        self._committed = dict(positions)

    def end(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that are no longer ours."""
        for partition in partitions:
            self._positions.pop(partition, None)
            self._committed.pop(partition, None)

    def take(self, fetched: Fetched, at: float) -> None:
        """Take records that were read, at a time on the loop's clock."""
        if fetched.records:
            count = len(fetched.records)
            size = sum([len(record.value or b"") for record in fetched.records])
            self.window.add(fetched.records, size + count * MESSAGE_BYTES, at, origin=fetched)
            self._meter.received += count
            self._show()
        else:
            self._pass_over(fetched)

    def _pass_over(self, fetched: Fetched) -> None:
        """Move on over what holds no record: aborted transactions, their markers, gaps."""
        partition, next_offset = fetched.partition, fetched.next_offset
        last = None
        for chunk in self.window.chunks():
            if source(chunk).partition == partition:
                last = chunk
        if last is not None:
            last.origin = source(last)._replace(next_offset=next_offset)
        elif partition in self._positions:
            self._positions[partition] = next_offset

    def finish(self, up_to: int, now: float) -> None:
        """Finish everything numbered below `up_to`."""
        count = 0
        for chunk, start, stop in self.window.finish(up_to):
            fetched = source(chunk)
            # The chunk may have been cut (`give_up`); the fetch tells where it ended.
            whole = stop == len(fetched.records)
            position = fetched.next_offset if whole else fetched.records[stop].offset
            self._positions[fetched.partition] = position
            self._meter.latency.observe(now - chunk.at, stop - start)
            count += stop - start
        self.outcomes.finish(up_to, count)
        self._show()

    def give_up(self, since: int) -> None:
        """Return to Kafka what is not published yet: everything from number `since` on."""
        dropped = self.window.drop(since, lambda _chunk, _index: True)
        self._returned(dropped)

    def start_over(self) -> dict[TopicPartition, int]:
        """Return everything unfinished to Kafka; say where each of its partitions goes on."""
        partitions = {source(chunk).partition for chunk in self.window.chunks()}
        self._returned(self.window.clear())
        self.outcomes.forget(0)
        return {p: self._positions[p] for p in partitions if p in self._positions}

    def due(self) -> dict[TopicPartition, int]:
        """Return the positions that are not committed yet."""
        return {
            partition: position
            for partition, position in self._positions.items()
            if self._committed.get(partition) != position
        }

    def committed(self, positions: Mapping[TopicPartition, int]) -> None:
        """Note what was committed."""
        self._committed.update(positions)

    def _returned(self, count: int) -> None:
        self._meter.returned += count
        self._show()

    def _show(self) -> None:
        self._meter.in_flight = len(self.window)
        self._share.use(self.window.size)
