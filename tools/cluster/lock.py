"""Let one process make a thing in the cache while others wait for it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.components.programs import step


@contextmanager
def alone(home: Path, what: str) -> Iterator[None]:
    """Be the only process that makes what will be in this folder; the lock ends with the process.

    Whoever had to wait finds it made.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(home.parent / f"{home.name}.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step(f"{what}: another process makes it; waiting"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
