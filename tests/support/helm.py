"""The operator's chart: rendered by the real Helm, and what its values are."""

import functools
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tools.components import helm

CHART = Path(__file__).parents[2] / "helm" / "mqtt-kafka-operator"
RELEASE, NAMESPACE = "mqtt-kafka-operator", "operators"
EVERYTHING = {
    "watchNamespaces": ["factory", "harbour"],
    "serviceAccount": {"name": "operator"},
    "serviceMonitor": {"create": True},
    "networkPolicy": {"create": True},
}
"""Values that switch on what is off by default."""
CLUSTER_WIDE = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
"""Kinds that belong to no namespace."""
_SECONDS = 60
Object = dict[str, Any]
Values = Mapping[str, Any]


class RefusedError(Exception):
    """Helm said no; the text is what it said."""


def render(values: Values | None = None, *, chart: Path = CHART) -> list[Object]:
    """Return the objects that an installation makes, in the order of the output.

    Raises:
        RefusedError: the values, or what was rendered, are refused.
    """
    rendered = _rendered(json.dumps(dict(values or {})), chart)
    # libyaml's parser: the definition is long, and a hundred tests read it.
    found: list[Object] = list(filter(None, yaml.load_all(rendered, yaml.CSafeLoader)))
    return found


def notes(values: Values | None = None) -> str:
    """Return what Helm tells the person who installs.

    Raises:
        RefusedError: the values are refused.
    """
    with values_file(values) as file:
        arguments = ("install", RELEASE, str(CHART), "--namespace", NAMESPACE, "--values", file)
        return run(*arguments, "--dry-run=client").split("NOTES:\n")[1]


def run(*arguments: str, kubeconfig: Path | None = None) -> str:
    """Run Helm and return what it says.

    Args:
        arguments: of the command line.
        kubeconfig: of the cluster, if one is needed; caches lie beside it, not in anybody's home.

    Raises:
        RefusedError: it failed.
    """
    environment = dict(os.environ)
    if kubeconfig is not None:
        cache = str(kubeconfig.with_suffix(".cache"))
        environment |= {"KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": cache}
    done = subprocess.run(
        [helm.helm(), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        raise RefusedError(done.stdout + done.stderr)
    return done.stdout


def one(objects: list[Object], kind: str, name: str | None = None) -> Object:
    """Return the only object of a kind, or the one of that name."""
    found = [o for o in of_kind(objects, kind) if name in {None, o["metadata"]["name"]}]
    assert len(found) == 1, f"{len(found)} of {kind} {name or ''}"
    return found[0]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """Return the objects of a kind."""
    return [o for o in objects if o["kind"] == kind]


def schema() -> Object:
    """Return the schema of the values."""
    loaded: Object = json.loads((CHART / "values.schema.json").read_text())
    return loaded


def defaults() -> Object:
    """Return the values as they are without any of the user's."""
    loaded: Object = yaml.safe_load((CHART / "values.yaml").read_text())
    return loaded


def leaves(section: Object | None = None, path: str = "") -> Iterator[tuple[str, Object]]:
    """List every value that a user may set: its path and its schema."""
    for key, form in (section or schema())["properties"].items():
        name = f"{path}{key}"
        if "properties" in form:
            yield from leaves(form, f"{name}.")
        elif name != "global":  # Helm's own
            yield name, form


def at(values: Object, path: str) -> object:
    """Return the value at a path."""
    found: Any = values
    for key in path.split("."):
        found = found[key]
    return found


def comments() -> dict[str, str]:
    """Return the comment before each key of values.yaml, by the key's path."""
    found, block, above = {}, list[str](), list[tuple[int, str]]()
    for line in (CHART / "values.yaml").read_text().splitlines():
        if key := re.match(r"( *)(\w+):", line):
            indent = len(key[1])
            above = [*((i, k) for i, k in above if i < indent), (indent, key[2])]
            found[".".join(k for _, k in above)] = " ".join(block)
        block = [*block, line.strip("# ")] if line.lstrip().startswith("#") else []
    return found


def values_table() -> str:
    """Draw the table of values as the README has it."""
    rows = ["| value | default | meaning |", "| --- | --- | --- |"]
    for path, form in leaves():
        default = json.dumps(at(defaults(), path))
        rows.append(f"| `{path}` | `{default}` | {form['description']} |")
    return "\n".join(rows)


@contextmanager
def values_file(values: Values | None) -> Iterator[str]:
    """The path of a file with the values, for as long as Helm reads it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(dict(values or {}), file)
        file.flush()
        yield file.name


@functools.cache
def _rendered(values: str, chart: Path) -> str:
    with values_file(json.loads(values)) as file:
        return run("template", RELEASE, str(chart), "--namespace", NAMESPACE, "--values", file)
