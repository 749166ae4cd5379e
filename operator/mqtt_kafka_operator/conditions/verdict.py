"""What a condition says before it is dated, and how its sentences are made.

No sentence holds a time that passes or a count that comes and goes: a status that differs is
written, and one that always differs is written for ever.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Status = Literal["True", "False", "Unknown"]
MOST_BYTES = 1000
"""Of a message: an Event takes 1,024 (events.k8s.io), a condition more."""
MOST_NAMES = 3
"""Names that are listed; a longer list is cut without a count, for what fails comes and goes."""
_CUT = "…"


class Verdict(NamedTuple):
    """A condition without its type and its times."""

    status: Status
    reason: str
    message: str = ""
    generation: int | None = None
    """Of the spec that it is about; None: of the newest one."""


def bounded(text: str, most_bytes: int = MOST_BYTES) -> str:
    """Return a text, cut if it is longer than so many bytes."""
    encoded = text.encode()
    if len(encoded) <= most_bytes:
        return text
    return encoded[: most_bytes - len(_CUT.encode())].decode(errors="ignore") + _CUT


def sentence(what: str, cure: str) -> str:
    """Return what is wrong and what to do about it."""
    return f"{what}; {cure}" if cure else what


def some(items: Sequence[str], separator: str = ", ") -> str:
    """Return the first few of several things."""
    shown = separator.join(items[:MOST_NAMES])
    return f"{shown} and others" if len(items) > MOST_NAMES else shown


def mappings(names: Sequence[str], of: int) -> str:
    """Return who is meant, of so many mappings."""
    if len(names) == of > 1:
        return "all mappings"
    return f"{'mapping' if len(names) == 1 else 'mappings'} {some(names)}"
