"""Every value of the chart is described, refused when wrong, and does something."""

from collections.abc import Iterator

import pytest

from tests.support import helm
from tests.support.helm import EVERYTHING, Object, RefusedError

DIGEST = f"sha256:{'0' * 64}"
OTHERS: dict[str, object] = {
    "image.repository": "registry.example/operator",
    "image.tag": "1",
    "image.digest": DIGEST,
    "image.pullPolicy": "Always",
    "bridgeImage.repository": "registry.example/bridge",
    "bridgeImage.tag": "1",
    "bridgeImage.digest": DIGEST,
    "imagePullSecrets": [{"name": "pull"}],
    "replicas": 3,
    "watchNamespaces": ["elsewhere"],
    "log.level": "debug",
    "log.format": "console",
    "crd.create": False,
    "rbac.create": False,
    "rbac.aggregatedRoles": False,
    "serviceAccount.create": False,
    "serviceAccount.name": "mine",
    "serviceAccount.annotations": {"a": "b"},
    "fullnameOverride": "bridges",
    "resources": {"limits": {"memory": "1Gi"}},
    "podLabels": {"team": "platform"},
    "podAnnotations": {"a": "b"},
    "priorityClassName": "high",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [{"topologyKey": "rack"}],
    "podDisruptionBudget.create": False,
    "serviceMonitor.create": False,
    "serviceMonitor.interval": "10s",
    "serviceMonitor.labels": {"release": "prometheus"},
    "networkPolicy.create": False,
    "networkPolicy.metricsFrom": [{"namespaceSelector": {}}],
    "networkPolicy.apiServerPorts": [6443],
}
"""Each value with one that is not its default."""


def nested(path: str, value: object, into: Object | None = None) -> Object:
    """Return values in which one is changed."""
    section, _, rest = path.partition(".")
    values = {**(into or {})}
    values[section] = nested(rest, value, values.get(section)) if rest else value
    return values


def forms(form: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """List every form in the schema: of values, sections and the items of lists."""
    inner = {f".{key}": found for key, found in form.get("properties", {}).items()}
    if "items" in form:
        inner["[]"] = form["items"]
    for step, found in inner.items():
        yield f"{path}{step}", found
        yield from forms(found, f"{path}{step}")


@pytest.fixture(scope="module")
def everything() -> list[Object]:
    """What is rendered with everything on."""
    return helm.render(EVERYTHING)


def test_every_value_is_described() -> None:
    """Sections and items of lists too, in whole sentences."""
    missing = [
        path
        for path, form in forms(helm.schema())
        if not str(form.get("description", "")).endswith(".")
    ]

    assert missing == []


def test_the_schema_and_the_values_have_the_same_keys() -> None:
    """Every value has a default that stands in values.yaml, and nothing else stands there."""
    known = dict(helm.leaves())

    def paths(values: Object, section: str = "") -> set[str]:
        found = set()
        for key, value in values.items():
            path = f"{section}{key}"
            found |= {path} if path in known else paths(value, f"{path}.")
        return found

    assert paths(helm.defaults()) == set(known)


def test_values_yaml_says_what_the_schema_says() -> None:
    """Whoever reads `helm show values` reads the same."""
    said = helm.comments()

    assert {path: said[path] for path, _ in helm.leaves()} == {
        path: form["description"] for path, form in helm.leaves()
    }


def test_the_readme_has_the_table_of_values() -> None:
    """As the schema describes them, with the defaults of values.yaml."""
    assert helm.values_table() in (helm.CHART / "README.md").read_text()


def test_every_value_is_tried_here() -> None:
    """A new one needs a line above."""
    assert set(OTHERS) == {path for path, _ in helm.leaves()}


@pytest.mark.parametrize("path", OTHERS)
def test_every_value_does_something(everything: list[Object], path: str) -> None:
    """Changed, it changes what is rendered."""
    assert helm.render(nested(path, OTHERS[path], dict(EVERYTHING))) != everything


@pytest.mark.parametrize(
    "path",
    ["imagePulSecrets", "image.name", "log.colour", "crd.keep", "imagePullSecrets"],
)
def test_an_unknown_value_is_refused(path: str) -> None:
    """In every section; a typing error is never silently a default."""
    wrong = [{"secret": "x"}] if path == "imagePullSecrets" else "x"

    with pytest.raises(RefusedError, match="additional properties"):
        helm.render(nested(path, wrong))


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("replicas", "2"),
        ("replicas", -1),
        ("watchNamespaces", "factory"),
        ("watchNamespaces", ["Factory"]),
        ("watchNamespaces", ["factory", "factory"]),
        ("log.level", "verbose"),
        ("image.digest", "sha256:1"),
        ("image.repository", ""),
        ("serviceMonitor.interval", "30"),
        ("networkPolicy.apiServerPorts", []),
        ("podLabels", {"a": 1}),
    ],
)
def test_a_wrong_value_is_refused(path: str, wrong: object) -> None:
    """Before anything reaches the cluster, with the path of the value."""
    with pytest.raises(RefusedError, match=path.replace(".", "/")):
        helm.render(nested(path, wrong))


def test_without_an_account_of_its_own_the_operator_is_told_one() -> None:
    """It would run as an account that has no rights."""
    with pytest.raises(RefusedError, match="serviceAccount"):
        helm.render({"serviceAccount": {"create": False}})
