"""The Kafka that tests run: its jars in the cache, and the command line of its programs."""

import hashlib
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tools.components.java import Jars, java_version
from tools.components.programs import MissingComponentError, run

VERSION = "4.3.1"
"""The same as in `pom.xml`; a test holds the two together."""
CLUSTER_ID = "bXF0dC1rYWZrYS10ZXN0cw"
"""Any 16 bytes in base64."""
_HERE = Path(__file__).resolve().parent
JARS = Jars("Kafka", VERSION, _HERE / "pom.xml")
_START_SECONDS = 120


def class_archive() -> Path:
    """Return the file with Kafka's classes as this Java runtime lays them out in memory."""
    return JARS.home / f"{hashlib.sha256(java_version().encode()).hexdigest()[:12]}.jsa"


def java(*arguments: str) -> list[str]:
    """Return the command line of a Java program on Kafka's class path.

    Raises:
        MissingComponentError: Kafka or Java is not installed.
    """
    known = [f"-XX:SharedArchiveFile={class_archive()}"] if class_archive().is_file() else []
    log = f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}"
    return [*JARS.command(*known), log, *arguments]


def format_storage(settings: Path) -> None:
    """Format the data folder that a broker's settings name.

    Raises:
        MissingComponentError: it could not.
    """
    arguments = ("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(settings))
    run(java(*arguments), what="Kafka's format", cure=f"Its settings are in {settings}.")


def archive_classes() -> None:
    """Start Kafka once and keep its loaded classes, which shortens every later start by a third.

    Raises:
        MissingComponentError: Kafka did not start.
    """
    with (
        tempfile.TemporaryDirectory() as scratch,
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        broker, controller = one.getsockname()[1], two.getsockname()[1]
        one.close()
        two.close()
        settings = Path(scratch) / "server.properties"
        settings.write_text(
            "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\nlog.dir={scratch}/data\n"
            f"listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n"
        )
        format_storage(settings)
        unfinished = class_archive().with_suffix(f".{os.getpid()}")
        _run_until_started(f"-XX:ArchiveClassesAtExit={unfinished}", "kafka.Kafka", str(settings))
        unfinished.rename(class_archive())


def _run_until_started(*arguments: str) -> None:
    """Start Kafka, wait until it says that it has started, end it.

    Raises:
        MissingComponentError: it did not start in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    with (
        tempfile.NamedTemporaryFile() as log,
        subprocess.Popen(java(*arguments), stdout=log, stderr=subprocess.STDOUT) as broker,
    ):
        try:
            while b"Kafka Server started" not in Path(log.name).read_bytes():
                if broker.poll() is not None or time.monotonic() > deadline:
                    said = Path(log.name).read_text(errors="replace")[-2000:]
                    raise MissingComponentError(f"Kafka did not start:\n{said}\nin {JARS.home}")
                time.sleep(0.1)
        finally:
            broker.terminate()
