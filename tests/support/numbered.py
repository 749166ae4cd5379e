"""Numbered messages, which sources send and sinks look for: each says its key and its number."""

import json
from typing import NamedTuple


class Numbered(NamedTuple):
    """A message of a key; numbers of a key begin at 0 and have no gap."""

    key: str
    number: int

    def payload(self, size: int = 0) -> bytes:
        """Return it as JSON, filled up to so many bytes."""
        text = f'{{"key":{json.dumps(self.key)},"number":{self.number}'
        fill = size - len(text.encode()) - len(',"fill":""}')
        return f'{text},"fill":"{"x" * fill}"}}'.encode() if fill >= 0 else f"{text}}}".encode()


def numbered(payload: bytes | None) -> Numbered | None:
    """Read a payload; None if it is none of ours."""
    try:
        fields = json.loads(payload or b"")
        return Numbered(str(fields["key"]), int(fields["number"]))
    except (ValueError, KeyError, TypeError):
        return None


class Numbers:
    """Give out the next message, key by key, round and round."""

    def __init__(self, keys: int | list[str]) -> None:
        self.keys = [f"device-{n}" for n in range(keys)] if isinstance(keys, int) else keys
        self._given = 0

    def next(self) -> Numbered:
        """Return the next one."""
        turn, at = divmod(self._given, len(self.keys))
        self._given += 1
        return Numbered(self.keys[at], turn)
