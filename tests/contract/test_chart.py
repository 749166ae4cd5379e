"""What an installation of the chart makes."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqtt_kafka_operator import names
from tests.support import helm
from tests.support.helm import EVERYTHING, Object, Values
from tools.components import helm as component

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SCOPES: dict[str, Values] = {
    "defaults": {},
    "namespaced": {"watchNamespaces": ["factory"]},
    "everything": EVERYTHING,
    "nothing": {
        "crd": {"create": False},
        "rbac": {"create": False, "aggregatedRoles": False},
        "serviceAccount": {"create": False, "name": "mine"},
        "podDisruptionBudget": {"create": False},
    },
}


def pod(values: Values | None = None) -> dict[str, Any]:
    """Return the specification of the operator's pods."""
    deployment = helm.one(helm.render(values), "Deployment")
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def environment(values: Values | None = None) -> dict[str, Any]:
    """Return what the operator's container is told."""
    return {
        entry["name"]: entry.get("value", entry.get("valueFrom"))
        for entry in pod(values)["containers"][0]["env"]
    }


def test_helm_is_the_one_that_is_pinned() -> None:
    """And kubectl, which comes with it."""
    assert f'Version:"v{component.VERSION}"' in helm.run("version")
    assert component.VERSION in component.RECIPE.read_text()
    assert component.KUBECTL_VERSION in component.RECIPE.read_text()


@pytest.mark.parametrize("scope", SCOPES)
def test_the_chart_passes_helms_own_checks(tmp_path: Path, scope: str) -> None:
    """Warnings are errors."""
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(SCOPES[scope]))

    said = helm.run("lint", "--strict", "--values", str(values), str(helm.CHART))

    assert "0 chart(s) failed" in said


def test_the_charts_version_is_the_projects() -> None:
    """And so is the version of the images that it runs."""
    chart = yaml.safe_load((helm.CHART / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (PROJECT["version"], PROJECT["version"])


@pytest.mark.parametrize("scope", SCOPES)
def test_every_object_says_where_it_belongs(scope: str) -> None:
    """By its labels, and by its namespace unless it is the cluster's."""
    for made in helm.render(SCOPES[scope]):
        kind, metadata = made["kind"], made["metadata"]
        assert ("namespace" in metadata) != (kind in helm.CLUSTER_WIDE), kind
        if kind != "CustomResourceDefinition":  # it may stay when the release goes
            assert metadata["labels"]["app.kubernetes.io/instance"] == helm.RELEASE, kind


def test_two_objects_never_have_one_name() -> None:
    """Within a kind and a namespace."""
    made = [
        (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
        for o in helm.render(EVERYTHING)
    ]

    assert len(made) == len(set(made))


def test_the_operators_pods_are_restricted() -> None:
    """As the Pod Security Standard `restricted` asks, and the root file system is read-only."""
    spec = pod(EVERYTHING)
    container = spec["containers"][0]

    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert not {"hostNetwork", "hostPID", "hostIPC", "volumes", "initContainers"} & set(spec)
    assert all("hostPort" not in port for port in container["ports"])


def test_the_operator_has_requests_and_a_limit_of_memory() -> None:
    """No limit of CPU: it would only slow the start."""
    resources = pod()["containers"][0]["resources"]

    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}


def test_two_pods_stand_by_each_other() -> None:
    """Apart from one another, one evicted at a time, told apart by the lease."""
    objects = helm.render()
    deployment = helm.one(objects, "Deployment")
    budget = helm.one(objects, "PodDisruptionBudget")["spec"]
    selector = deployment["spec"]["selector"]

    assert deployment["spec"]["replicas"] == 2
    assert budget["selector"] == selector
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert [s["topologyKey"] for s in spread] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    assert all(s["labelSelector"] == selector for s in spread)
    assert selector["matchLabels"].items() <= (
        deployment["spec"]["template"]["metadata"]["labels"].items()
    )


def test_the_pods_are_probed_where_they_serve() -> None:
    """On the port that is named http."""
    container = pod()["containers"][0]
    probes = {
        name: container[name]["httpGet"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert container["ports"] == [{"name": "http", "containerPort": 8080}]
    assert {probe["port"] for probe in probes.values()} == {"http"}
    assert probes["livenessProbe"]["path"] == "/livez"
    assert probes["readinessProbe"]["path"] == "/readyz"


def test_the_operator_is_told_whom_to_watch_and_which_image_bridges_have() -> None:
    """By environment alone."""
    assert environment() == {
        "OPERATOR_NAMESPACE": {"fieldRef": {"fieldPath": "metadata.namespace"}},
        "POD_NAME": {"fieldRef": {"fieldPath": "metadata.name"}},
        "LEASE_NAME": helm.RELEASE,
        "BRIDGE_IMAGE": f"mqtt-kafka-bridge:{PROJECT['version']}",
        "WATCH_NAMESPACES": "",
        "LOG_LEVEL": "info",
        "LOG_FORMAT": "json",
    }
    assert environment(EVERYTHING)["WATCH_NAMESPACES"] == "factory,harbour"


def test_a_digest_wins_over_a_tag() -> None:
    """Of either image."""
    digest = f"sha256:{'a' * 64}"
    images = {"image": {"digest": digest, "tag": "1"}, "bridgeImage": {"digest": digest}}

    assert pod(images)["containers"][0]["image"] == f"mqtt-kafka-operator@{digest}"
    assert environment(images)["BRIDGE_IMAGE"] == f"mqtt-kafka-bridge@{digest}"


def test_prometheus_finds_the_operators_pods() -> None:
    """ServiceMonitor -> Service -> pods, and the port's name is the same all the way."""
    objects = helm.render({**EVERYTHING, "serviceMonitor": {"create": True, "labels": {"a": "b"}}})
    monitor, service = helm.one(objects, "ServiceMonitor"), helm.one(objects, "Service")
    labels = helm.one(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]

    assert monitor["metadata"]["labels"]["a"] == "b"
    assert (
        monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    )
    assert service["spec"]["selector"].items() <= labels.items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"] == "http"


def egress(values: Values) -> list[Object]:
    """Return where the operator's pods may connect to."""
    policy = helm.one(helm.render(values), "NetworkPolicy")
    rules: list[Object] = policy["spec"]["egress"]
    return rules


def test_a_network_policy_lets_the_operator_do_its_work() -> None:
    """DNS, the API server, and the status of the bridges that it watches; nothing else."""
    dns, api_server, bridges = egress({"networkPolicy": {"create": True}})

    assert {port["port"] for port in dns["ports"]} == {53}
    assert [port["port"] for port in api_server["ports"]] == [443, 6443]
    assert bridges["ports"] == [{"port": 8080}]
    assert bridges["to"][0]["namespaceSelector"] == {}
    assert bridges["to"][0]["podSelector"]["matchLabels"].items() <= names.labels("plant").items()
    watched = egress(EVERYTHING)[-1]["to"][0]["namespaceSelector"]["matchExpressions"]
    assert watched[0]["values"] == ["factory", "harbour"]


def test_the_service_account_may_be_somebody_elses() -> None:
    """Then none is made, and the pods and the bindings name that one."""
    values = {"serviceAccount": {"create": False, "name": "mine"}}
    objects = helm.render(values)

    assert helm.of_kind(objects, "ServiceAccount") == []
    assert pod(values)["serviceAccountName"] == "mine"
    for kind in ("ClusterRoleBinding", "RoleBinding"):
        assert helm.one(objects, kind)["subjects"][0]["name"] == "mine"


@pytest.mark.parametrize("scope", SCOPES)
def test_the_notes_of_an_installation_say_what_it_watches(scope: str) -> None:
    """And what is still to be done by hand."""
    said = helm.notes(SCOPES[scope])

    watched = SCOPES[scope].get("watchNamespaces")
    assert (", ".join(watched) if watched else "all namespaces") in said
    assert ("gives the operator no rights" in said) is (scope == "nothing")


def test_the_bridge_in_the_notes_is_the_minimal_example() -> None:
    """Whoever pastes it gets what the tests apply."""
    shown = yaml.safe_load(helm.notes().split("<<'YAML'\n")[1].split("\nYAML\n")[0])
    example = yaml.safe_load((ROOT / "examples/minimal.yaml").read_text())

    assert shown["spec"] == example["spec"]


def test_another_chart_may_depend_on_this_one(tmp_path: Path) -> None:
    """Helm then hands it `global`, which the schema has to bear with."""
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: platform\nversion: 1.0.0\n")
    shutil.copytree(helm.CHART, tmp_path / "charts" / "mqtt-kafka-operator")

    objects = helm.render({"mqtt-kafka-operator": {"replicas": 3}}, chart=tmp_path)

    assert helm.one(objects, "Deployment")["spec"]["replicas"] == 3
