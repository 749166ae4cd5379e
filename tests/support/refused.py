"""Resources that are refused, each a file that says by whom, where, and in which words.

    # refused-by: api | operator
    # at: the field's path
    # says: some words of the message

`api` is the API server, by the CRD alone; `operator` is what only the operator finds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "invalid_resources"
_MARK = re.compile(r"^# (refused-by|at|says): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class InvalidResource:
    """A resource, and how it is refused."""

    name: str
    refused_by: str
    at: str
    says: str
    manifest: dict[str, Any]


def invalid_resources(refused_by: str | None = None) -> Iterator[InvalidResource]:
    """List them, or those that one of the two refuses."""
    for file in sorted(FOLDER.glob("*.yaml")):
        text = file.read_text()
        marks = dict(_MARK.findall(text))
        if refused_by in (None, marks["refused-by"]):
            yield InvalidResource(
                name=file.stem,
                refused_by=marks["refused-by"],
                at=marks["at"],
                says=marks["says"],
                manifest=yaml.safe_load(text),
            )
