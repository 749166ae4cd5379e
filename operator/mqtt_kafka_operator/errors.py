"""The two families of errors: what the user must fix, and what passes by itself.

The first becomes a condition with a field and a cure, and is tried again when something changes;
the second is tried again with back-off. Anything else is a bug, and ends as one.
"""

from collections.abc import Sequence

from mqtt_kafka_bridge.contract.mistakes import Location, Mistake


class UserError(Exception):
    """Base: somebody must change something; says what is wrong and what to do about it."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(f"{message}; {cure}" if cure else message)
        self.message = message
        self.cure = cure


class SpecError(UserError):
    """A resource can't be turned into objects; holds all its mistakes, not just the first."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        first = mistakes[0]
        super().__init__(f"{first.path} {first.message}", first.cure)
        self.mistakes = tuple(mistakes)
        self.args = ("\n".join(f"{m.path}: {m.message}; {m.cure}" for m in mistakes),)

    @classmethod
    def at(cls, at: Location, message: str, cure: str) -> "SpecError":
        """Return the error for one mistake; the place begins with `spec` or `metadata`."""
        return cls([Mistake(at, message, cure)])


class NameConflictError(UserError):
    """An object that we should write belongs to somebody else; it is never taken over."""


class RefusedByClusterError(UserError):
    """The API server refuses an object or a call for good: a right, a quota, an admission rule."""


class PassingError(Exception):
    """It passes by itself: the API server is away, busy, or had a newer version."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        """How long the API server asked to be left alone; None: it did not ask."""
