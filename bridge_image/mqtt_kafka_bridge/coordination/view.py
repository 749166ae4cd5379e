"""What the coordination topic says, as far as it was read.

Compaction may have left only the last record of a key, so that each has to be right alone: the
result does not depend on what compaction took away, as far as no zombie wrote.
"""

from typing import NamedTuple

from mqtt_kafka_bridge.coordination.records import (
    RecordState,
    SessionRecord,
    StartRecord,
    client_id_of,
    read_session,
    read_start,
    started_mapping_of,
)

MOST_UNREADABLE = 100
"""How many unreadable records are kept for people to look at."""
_LONGEST_TEXT = 300
_MESSAGE_IDS = b"id/"


class Entry(NamedTuple):
    """The latest record of a session that counts."""

    record: SessionRecord
    offset: int

    @property
    def term(self) -> int:
        """The offset of the record that began the present term."""
        return self.offset if self.record.term is None else self.record.term


class View:
    """The sessions and starts that the topic holds."""

    def __init__(self) -> None:
        self.sessions: dict[str, Entry] = {}
        self.starts: dict[str, StartRecord] = {}
        self.unreadable: dict[str, str] = {}
        self._ended: dict[str, int] = {}

    @property
    def generation(self) -> int:
        """The highest generation of a configuration among the sessions; 0 if there are none."""
        return max((entry.record.generation for entry in self.sessions.values()), default=0)

    def apply(self, key: bytes, value: bytes | None, offset: int) -> None:
        """Take in a record; None is a tombstone.

        All records of a key stand in one partition; one read before changes nothing.
        """
        if key.startswith(_MESSAGE_IDS):
            return
        self.unreadable.pop(_shown(key), None)
        client_id, mapping = client_id_of(key), started_mapping_of(key)
        if client_id is not None:
            self._apply_session(client_id, key, value, offset)
        elif mapping is not None:
            self._apply_start(mapping, key, value)
        elif value is not None:
            self._say(key, "the key names neither a session nor a start")

    def _apply_session(self, client_id: str, key: bytes, value: bytes | None, offset: int) -> None:
        present = self.sessions.get(client_id)
        if offset <= (self._ended.get(client_id, -1) if present is None else present.offset):
            return
        if value is None:
            self.sessions.pop(client_id, None)
            self._ended[client_id] = offset
            return
        record = read_session(value)
        if isinstance(record, str):
            # What it replaces goes on to count: it is all that we know of the session.
            self._say(key, record)
        elif self._counts(client_id, record):
            self.sessions[client_id] = Entry(record, offset)

    def _counts(self, client_id: str, record: SessionRecord) -> bool:
        """Tell a record of the present term, or of a new one, from that of a zombie.

        A term that is later than the one known is one whose Claimed compaction took away.
        """
        present = self.sessions.get(client_id)
        if record.term is not None:
            known = self._ended.get(client_id, -1) if present is None else present.term
            return record.term >= known
        if record.state is RecordState.CLAIMED:
            return True
        return present is None or present.record.state is not RecordState.CLAIMED

    def _apply_start(self, mapping: str, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.starts.pop(mapping, None)
            return
        record = read_start(value)
        if isinstance(record, str):
            self._say(key, record)
        else:
            self.starts[mapping] = record

    def _say(self, key: bytes, text: str) -> None:
        if len(self.unreadable) < MOST_UNREADABLE:
            self.unreadable[_shown(key)] = text[:_LONGEST_TEXT]


def _shown(key: bytes) -> str:
    return key[:_LONGEST_TEXT].decode(errors="backslashreplace")
