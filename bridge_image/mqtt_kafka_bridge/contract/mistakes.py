"""A mistake in a configuration: where it is, what is wrong, and what to write instead."""

from collections.abc import Sequence
from dataclasses import dataclass

Location = tuple[str | int, ...]
"""Keys and list indexes from the top of a configuration."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that somebody must correct."""

    at: Location
    message: str
    """What is wrong, as it goes on after the path."""
    cure: str
    """What to write instead."""
    line: int | None = None
    """In the file, from 1."""

    @property
    def path(self) -> str:
        """Where it is, such as `mqttToKafka[0].to.key`; empty for the whole file."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.at)
        return text.removeprefix(".")

    def sentence(self, file: str) -> str:
        """Return `file:line: path: what is wrong; what to write instead`."""
        place = file if self.line is None else f"{file}:{self.line}"
        return ": ".join(filter(None, (place, self.path, f"{self.message}; {self.cure}")))


class ConfigurationError(Exception):
    """A configuration can't be used; holds all its mistakes, not just the first."""

    def __init__(self, file: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(mistake.sentence(file) for mistake in mistakes))
        self.file = file
        self.mistakes = list(mistakes)
