"""Java programs that tests run: the runtime, and jars that a `pom.xml` pins, in the cache."""

import functools
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.components.programs import (
    HOW_TO_INSTALL,
    SEARCH_PATH,
    MissingComponentError,
    command,
    pinned,
    run,
    whole,
)

_OLDEST = 17
_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""For short runs on few cores: only the quick compiler, one collector, classes from an archive."""


@functools.cache
def java_version() -> str:
    """Return the full version of the Java runtime, or an empty text if it is missing or too old."""
    java = shutil.which("java", path=SEARCH_PATH)
    if java is None:
        return ""
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    major = re.search(r'version "([0-9]+)', output)
    return output if major and int(major[1]) >= _OLDEST else ""


@dataclass(frozen=True)
class Jars:
    """The jars of one program.

    Args:
        name: of the program.
        version: the same as in the recipe.
        recipe: the `pom.xml`.
    """

    name: str
    version: str
    recipe: Path

    @property
    def home(self) -> Path:
        """The folder that holds them, whether it is there yet or not."""
        return pinned(f"{self.name.lower()}-{self.version}", self.recipe)

    def command(self, *flags: str) -> list[str]:
        """Return the command line of a program of theirs; what is to run in it comes after.

        Raises:
            MissingComponentError: they, or a Java runtime, are not installed.
        """
        jars = sorted(map(str, self.home.glob("*.jar")))
        program, runtime = f"{self.name} {self.version}", f"Java >= {_OLDEST}"
        for there, what in ((jars, program), (java_version(), runtime)):
            if not there:
                raise MissingComponentError(f"{what} is not installed; {HOW_TO_INSTALL}")
        return [command("java"), *_FLAGS, *flags, "-cp", os.pathsep.join(jars)]

    def install(self) -> None:
        """Copy them into the cache; all of them or none.

        Raises:
            MissingComponentError: Maven could not have them.
        """
        with whole(self.home) as jars:
            maven = [command("mvn"), "--batch-mode", "--quiet", "--strict-checksums"]
            maven += ["-f", str(self.recipe), "dependency:copy-dependencies"]
            maven += ["-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
            what = f"missing: {self.name} {self.version}"
            cure = f"{what}. Maven must reach its repository; see above."
            run(maven, what="mvn dependency:copy-dependencies", cure=cure)
