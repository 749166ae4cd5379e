"""Programs that tests run: where they are, running one to its end, saying what is being done."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
"""Debian keeps servers in /usr/sbin, which is not on everybody's PATH."""
HOW_TO_INSTALL = "run: python tools/components/install.py"


class MissingComponentError(Exception):
    """Something that the tests run can't be had; the text says what, and what to do."""


def cache_folder() -> Path:
    """Return the folder, outside the tree, for what is downloaded and built."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mqtt-kafka-operator"


def pinned(name: str, recipe: Path) -> Path:
    """Return the folder in the cache for what a recipe pins, whether it is there yet or not."""
    return cache_folder() / f"{name}-{hashlib.sha256(recipe.read_bytes()).hexdigest()[:12]}"


@contextmanager
def whole(home: Path) -> Iterator[Path]:
    """Make a folder of the cache, all of it or nothing; yield where to make it.

    What is beside that place is thrown away.
    """
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=f"{home.name}-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        yield made
        made.rename(home)


def command(name: str) -> str:
    """Return the path of a program that the tests run.

    Raises:
        MissingComponentError: it is not installed.
    """
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        raise MissingComponentError(f"{name} is not installed; {HOW_TO_INSTALL}")
    return found


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"{what} ...", flush=True)
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def run(arguments: Sequence[str], *, what: str, cure: str) -> None:
    """Run a program to its end.

    Raises:
        MissingComponentError: it failed; its last lines are part of the text.
    """
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-12:])
        raise MissingComponentError(f"{what} failed:\n{tail}\n{cure}")
