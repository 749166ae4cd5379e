"""Pages and tables of the reference."""

from collections.abc import Iterator, Sequence

COMMAND = "make generate"


def page(title: str, text: str, sections: Iterator[str]) -> str:
    """Join a page."""
    notice = f"<!-- Generated from the code; change that, then run `{COMMAND}`. -->"
    return "\n\n".join((f"{notice}\n# {title}", text, *sections)) + "\n"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Draw a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in r) + " |" for r in lines
    )
