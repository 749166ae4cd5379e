"""What the operator merges, kubectl merges alike: `kubectl patch --type=strategic`, offline."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mqtt_kafka_operator.render.merge import MERGE_KEYS, merged
from tests.support.merges import BASE, CASES, Case
from tools.components import helm


def by_kubectl(spec: dict[str, Any], patch: dict[str, Any], folder: Path) -> Any:  # noqa: ANN401
    """Return the spec of a pod with a patch, as kubectl makes it; no API server is asked."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    (folder / "pod.json").write_text(json.dumps(pod))
    (folder / "patch.json").write_text(json.dumps({"spec": patch}))
    command = [
        *(helm.kubectl(), "patch", "--local", "--type=strategic", "--output=json"),
        f"--filename={folder / 'pod.json'}",
        f"--patch-file={folder / 'patch.json'}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return json.loads(done.stdout)["spec"]


def unordered(key: str, value: object) -> object:
    """Return a value whose lists with a merge key are in the order of that: it has no meaning."""
    if isinstance(value, dict):
        return {name: unordered(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        items = [unordered("", item) for item in value]
        merge_key = MERGE_KEYS.get(key)
        return sorted(items, key=lambda item: str(item[merge_key])) if merge_key else items  # type: ignore[index]
    return value


@pytest.mark.parametrize("case", CASES, ids=[case.claim for case in CASES])
def test_kubectl_merges_alike(case: Case, tmp_path: Path) -> None:
    ours, theirs = merged(BASE, case.patch), by_kubectl(BASE, case.patch, tmp_path)

    assert unordered("", ours) == unordered("", theirs)
