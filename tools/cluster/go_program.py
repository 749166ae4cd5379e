"""Programs that tests run and that are compiled here, from pinned Go modules, into the cache."""

import hashlib
import platform
import re
import subprocess
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import golang
from tools.cluster.lock import alone
from tools.cluster.progress import Progress
from tools.components.programs import MissingComponentError, cache_folder, step, whole

HOW_TO_BUILD = "run: python tools/cluster/build.py"
_FLAGS = ("-trimpath", "-buildvcs=false", "-modcacherw")
"""The same program wherever it is built, and a cache that `rm -r` can delete."""
_SOURCES = {".go", ".mod", ".sum"}
_TAIL_LINES = 12


@dataclass(frozen=True)
class GoProgram:
    """A program that is one Go module of ours: `go.mod` and `go.sum` pin all that goes into it.

    Args:
        name: of the program's file, and with the version that of its folder in the cache.
        version: the same as in `go.mod`.
        source: the module's folder.
        parts: names by which it can be called to be one of several programs.
        build_flags: of `go build`.
    """

    name: str
    version: str
    source: Path
    parts: tuple[str, ...] = ()
    build_flags: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """The folder of the built program, whether it is there yet or not.

        Its name has a hash of all that makes the program what it is. Which Go compiles it does not
        count: a machine that has the program needs none, and a newer one is no reason to wait.
        """
        digest = hashlib.sha256(repr((_FLAGS, self.build_flags, self.parts)).encode())
        digest.update(f"{platform.system()} {platform.machine()}".encode())
        for file in sorted(self.source.rglob("*")):
            if file.suffix in _SOURCES:
                digest.update(file.relative_to(self.source).as_posix().encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
        return cache_folder() / f"{self.name}-{self.version}-{digest.hexdigest()[:12]}"

    def command(self, name: str) -> str:
        """Return the path of the program, or of one of its parts.

        Raises:
            MissingComponentError: it is not built.
        """
        path = self.home / name
        if not path.is_file():
            raise MissingComponentError(
                f"{name} (of {self.name} {self.version}) is not built; {HOW_TO_BUILD}"
            )
        return str(path)

    def build(self) -> None:
        """Build it, unless that is done; of several that want to, one does.

        Raises:
            MissingComponentError: there is no Go, a module can't be had, or it does not compile.
        """
        home = self.home
        if home.is_dir():
            return
        with alone(home, f"{self.name} {self.version}"):
            if home.is_dir():
                return
            with whole(home) as built:
                self._compile(built / self.name)
                for part in self.parts:
                    (built / part).symlink_to(self.name)

    def _compile(self, target: Path) -> None:
        go = golang.go(self._oldest_go)
        wanted = f"missing: {self.name} {self.version}."
        with step(f"{self.name} {self.version}: Go modules"):
            listing = [go, "list", "-deps", *_FLAGS, *self.build_flags, "."]
            cure = f"{wanted} See what Go says above; does it reach its module proxy?"
            packages = len(self._run(listing, what="go list", cure=cure))
        with (
            step(f"{self.name} {self.version}: go build, {packages} packages"),
            Progress("packages", packages) as progress,
        ):
            build = [go, "build", "-v", *_FLAGS, *self.build_flags, "-o", str(target), "."]
            cure = f"{wanted} See what Go says above."
            self._run(build, what="go build", cure=cure, progress=progress)

    def _run(
        self,
        arguments: Sequence[str],
        *,
        what: str,
        cure: str,
        progress: Progress | None = None,
    ) -> list[str]:
        """Run Go in the module's folder and return the lines of its output.

        Raises:
            MissingComponentError: it failed; its last lines are part of the text.
        """
        lines: list[str] = []
        tail = deque[str](maxlen=_TAIL_LINES)
        with subprocess.Popen(
            arguments,
            cwd=self.source,
            env=golang.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            for line in child.stdout or ():
                tail.append(line.rstrip())
                if not line.startswith("go: "):
                    lines.append(line.rstrip())
                    if progress:
                        progress.step()
        if child.returncode:
            raise MissingComponentError("\n".join((f"{what} failed:", *tail, cure)))
        return lines

    @property
    def _oldest_go(self) -> tuple[int, ...]:
        text = (self.source / "go.mod").read_text()
        (version,) = re.findall(r"^go ([0-9.]+)$", text, re.MULTILINE)
        return tuple(map(int, version.split(".")))
