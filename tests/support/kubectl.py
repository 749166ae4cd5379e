"""kubectl as tests run it: the one of the cluster's own version."""

import subprocess
from pathlib import Path

from tools.cluster.kubernetes import KUBERNETES

_SECONDS = 60


def kubectl(
    kubeconfig: Path, *arguments: str, typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run kubectl to its end; what it says and its exit code are in what is returned.

    Args:
        kubeconfig: says where the API is and who asks; caches lie beside it.
        arguments: of the command line.
        typed: its standard input, for `-f -`.
    """
    cache = kubeconfig.with_suffix(".cache")
    flags = (f"--kubeconfig={kubeconfig}", f"--cache-dir={cache}")
    return subprocess.run(
        [KUBERNETES.command("kubectl"), *flags, *arguments],
        input=typed or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
