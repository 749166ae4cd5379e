"""The simulated coordination topic: one log a slot, compacted at any moment, read with a lag."""

from random import Random
from typing import Protocol

from tests.support.simulation.journal import Journal
from tests.support.simulation.kafka_log import Log, Record


class Reader(Protocol):
    """Who reads all of it."""

    positions: list[int]

    def read_soon(self) -> None:
        """Learn that there is something new."""
        ...


class SlotsTopic:
    """The topic.

    Args:
        slots: how many partitions it has.
        journal: where everything is written down.
    """

    def __init__(self, slots: int, journal: Journal) -> None:
        self.logs = [Log() for _ in range(slots)]
        self.readers: dict[Reader, None] = {}
        self._journal = journal

    def append(self, slot: int, key: bytes, value: bytes | None) -> int:
        """Store a record; return its offset."""
        offset = self.logs[slot].append(key, value, []).offset
        self._journal.note(f"slot {slot} {offset} {key.decode()} {_shown(value)}")
        for reader in list(self.readers):
            reader.read_soon()
        return offset

    def compact(self, rng: Random) -> None:
        """Keep, below some offset, only the last record of each key.

        Tombstones are kept until all have read them, for Kafka keeps them for a day.
        """
        for slot, log in enumerate(self.logs):
            read = min((reader.positions[slot] for reader in self.readers), default=0)
            cut = rng.randint(0, log.end)
            last = {record.key: record.offset for record in log.records}
            gone = [
                record
                for record in log.records
                if record.offset < cut
                and (
                    last[record.key] != record.offset
                    or (record.value is None and record.offset < read)
                )
            ]
            for record in gone:
                log.records.remove(record)

    def read(self, slot: int, position: int) -> tuple[list[Record], int]:
        """Return the records from a position on, and the position behind them."""
        log = self.logs[slot]
        return [record for record in log.records if record.offset >= position], log.end


def _shown(value: bytes | None) -> str:
    """Return what a journal needs of a record."""
    if value is None:
        return "tombstone"
    text = value.decode()
    _, _, state = text.partition('"state":"')
    _, _, term = text.partition('"term":')
    return f"{state.partition(chr(34))[0]} term {term.partition(',')[0]}"
