"""What a result stands on: the machine, the versions, the revision."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

_PACKAGES = ("mqtt5", "aiokafka", "uvloop", "cramjam", "mq-bridge", "confluent-kafka", "numpy")


def machine() -> dict[str, object]:
    """Return facts about this machine, and how busy it is."""
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def versions(kafka: str) -> dict[str, str]:
    """Return the versions of what takes part."""
    found = {"python": platform.python_version(), "kafka": kafka}
    for package in _PACKAGES:
        found[package] = importlib.metadata.version(package)
    return found


def revision() -> str:
    """Return the Git commit that is measured, marked if the tree differs from it."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"
