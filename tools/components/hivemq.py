"""The HiveMQ Community Edition that tests run: its jars, and its command line."""

from pathlib import Path

from tools.components.java import Jars

VERSION = "2025.5"
"""The same as in its `pom.xml`; a test holds the two together."""
RECIPE = Path(__file__).resolve().parent / "hivemq-ce" / "pom.xml"
JARS = Jars("HiveMQ", VERSION, RECIPE)
"""An archive of its classes would save 0.4 s of a start, and take 8 s to make."""
_LAUNCHER = RECIPE.with_name("launch.bsh")


def java(folder: Path, *flags: str) -> list[str]:
    """Return the command line of a broker.

    Args:
        folder: holds `conf/config.xml`; its data and extensions go there too.
        flags: further flags of the Java runtime.

    Raises:
        MissingComponentError: HiveMQ or Java is not installed.
    """
    runtime = JARS.command(*flags, f"-Dhivemq.home={folder}")
    return [*runtime, "bsh.Interpreter", str(_LAUNCHER)]
