"""A box with a title and a fixed number of lines, so that nothing jumps."""

from collections.abc import Sequence

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

FAINT = "bright_black"


def panel(lines: Sequence[Text], rows: int, title: str, hint: str) -> Panel:
    """Draw a box; lines that are too long are cut."""
    empty = [Text("")] * (rows - len(lines))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    head = Text.assemble((f" {title} ", "bold"), (f" {hint} ", FAINT))
    head.no_wrap, head.overflow = True, "ellipsis"
    return Panel(
        Group(*lines, *empty), title=head, title_align="left", border_style="grey35", expand=True
    )
