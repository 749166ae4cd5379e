"""The manifests in examples/: read, rendered, and told apart."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mqtt_kafka_operator.api.spec import API_VERSION
from tools.components import helm

EXAMPLES = Path(__file__).parents[2] / "examples"
GITOPS = EXAMPLES / "gitops"
OVERLAYS = sorted(folder.name for folder in (GITOPS / "overlays").iterdir())
Manifest = dict[str, Any]


def documents(file: Path) -> list[Manifest]:
    """Return what stands in a file of manifests."""
    return [found for found in yaml.safe_load_all(file.read_text()) if found]


def kustomized(folder: Path) -> list[Manifest]:
    """Return what Kustomize makes of a folder.

    Raises:
        CalledProcessError: it refuses the folder.
    """
    command = [helm.kubectl(), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return list(yaml.safe_load_all(done.stdout))


def bridges(manifests: list[Manifest]) -> list[Manifest]:
    """Return the bridges among manifests."""
    return [found for found in manifests if found.get("apiVersion") == API_VERSION]


def whole_bridges() -> Iterator[tuple[str, Manifest]]:
    """List every complete bridge in the examples, with where it is from."""
    for file in sorted(EXAMPLES.glob("*.yaml")):
        for bridge in bridges(documents(file)):
            yield file.name, bridge
    for overlay in OVERLAYS:
        for bridge in bridges(kustomized(GITOPS / "overlays" / overlay)):
            yield f"gitops/overlays/{overlay}", bridge
