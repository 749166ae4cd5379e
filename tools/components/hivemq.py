"""The HiveMQ Community Edition that tests run: its jars in the cache, and its command line."""

import hashlib
import os
import tempfile
from pathlib import Path

from tools.components.kafka import java_version
from tools.components.programs import (
    HOW_TO_INSTALL,
    MissingComponentError,
    cache_folder,
    command,
    run,
)

VERSION = "2025.5"
"""The same as in its `pom.xml`; a test holds the two together."""
RECIPE = Path(__file__).resolve().parent / "hivemq-ce" / "pom.xml"
_LAUNCHER = RECIPE.with_name("launch.bsh")
_JAVA_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""As Kafka's. An archive of its classes would save 0.4 s of a start, and take 8 s to make."""


def home() -> Path:
    """Return the folder that holds HiveMQ's jars, whether it is there yet or not."""
    recipe = hashlib.sha256(RECIPE.read_bytes()).hexdigest()
    return cache_folder() / f"hivemq-{VERSION}-{recipe[:12]}"


def java(folder: Path, *flags: str) -> list[str]:
    """Return the command line of a broker.

    Args:
        folder: holds `conf/config.xml`; its data and extensions go there too.
        flags: further flags of the Java runtime.

    Raises:
        MissingComponentError: HiveMQ or Java is not installed.
    """
    jars = sorted(map(str, home().glob("*.jar")))
    for there, what in ((jars, f"HiveMQ {VERSION}"), (java_version(), "Java")):
        if not there:
            raise MissingComponentError(f"{what} is not installed; {HOW_TO_INSTALL}")
    class_path = os.pathsep.join(jars)
    arguments = [*_JAVA_FLAGS, *flags, f"-Dhivemq.home={folder}", "-cp", class_path]
    return [command("java"), *arguments, "bsh.Interpreter", str(_LAUNCHER)]


def install() -> None:
    """Copy HiveMQ's jars, as pinned by its `pom.xml`, into the cache; all of them or none.

    Raises:
        MissingComponentError: Maven could not have them.
    """
    home().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home().parent, prefix="hivemq-") as scratch:
        jars = Path(scratch) / "jars"
        maven = [command("mvn"), "--batch-mode", "--quiet", "--strict-checksums"]
        maven += ["-f", str(RECIPE), "dependency:copy-dependencies"]
        maven += ["-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
        cure = f"missing: HiveMQ {VERSION}. Maven must reach its repository; see above."
        run(maven, what="mvn dependency:copy-dependencies", cure=cure)
        jars.rename(home())
