"""Named points where a test may kill the process. In the product this is a no-op, once a batch.

No setting, no environment variable reaches it: only a test's own entry point replaces the attribute
before it starts the program.
"""

from collections.abc import Callable


def _nothing(name: str) -> None:
    """Do nothing: the product."""


crash_point: Callable[[str], None] = _nothing
