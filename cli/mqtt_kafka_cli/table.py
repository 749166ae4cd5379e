"""Columns and paragraphs of plain text, for a terminal or for a pipe."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_GAP = "  "
_INDENT = "  "
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


class Column(NamedTuple):
    """The head of a column."""

    title: str
    right: bool = False
    """Whether it is aligned to the right, as numbers are."""


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> Iterator[str]:
    """Yield the lines of a table.

    Args:
        columns: their heads.
        rows: a text for each column.
        width: where lines are cut, so that none wraps; None: nowhere.
    """
    lines = [[column.title for column in columns], *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        cells = (
            cell.rjust(size) if column.right else cell.ljust(size)
            for cell, size, column in zip(line, widths, columns, strict=True)
        )
        yield _cut(_GAP.join(cells).rstrip(), width)


def _cut(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else line[: width - 1] + "…"


def paragraph(text: str, width: int | None) -> Iterator[str]:
    """Yield the lines of a text: wrapped in a terminal, one in a pipe, where it is searched."""
    if width is None:
        yield text
    else:
        yield from textwrap.wrap(
            text, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
        )


def duration(seconds: float) -> str:
    """Return a duration in its two largest units; what lies ahead (clocks differ) is 0s."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        if left >= size or parts:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(part for part in parts[:2] if part[0] != "0") or "0s"
