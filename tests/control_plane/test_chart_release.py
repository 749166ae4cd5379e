"""A release of the chart in a real API: installed, upgraded, uninstalled, and who may do what."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import helm
from tests.support.control_plane import ControlPlane
from tests.support.helm import RELEASE, RefusedError
from tests.support.kube_client import (
    CUSTOM_RESOURCE,
    DEPLOYMENT,
    SERVICE_ACCOUNT,
    Kind,
    KubeClient,
    Manifest,
)
from tests.support.kubectl import kubectl
from tests.support.manifests import EXAMPLES, documents
from tests.support.waiting import eventually

BRIDGE = Kind("mqttkafka.dev/v1alpha1", "MqttKafkaBridge")
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole")
DEFINITION = "mqttkafkabridges.mqttkafka.dev"
OWN_ONLY = {"crd": {"create": False}, "rbac": {"create": False, "aggregatedRoles": False}}
"""What is left when all that is the cluster's is somebody else's."""
ADOPT = ("--take-ownership", "--force-conflicts")
"""For the definition is there already: every test here needs it."""
NO_LONGER_OURS: Manifest = {
    "apiVersion": CUSTOM_RESOURCE.api_version,
    "kind": CUSTOM_RESOURCE.name,
    "metadata": {"name": DEFINITION},
}
"""Applied by whoever applied the definition before, it leaves all fields to the release."""
Helm = Callable[..., str]


@pytest.fixture
def release(control_plane: ControlPlane, namespace: str) -> Iterator[Helm]:
    """Run Helm on the release of this test: a verb, values, the chart, who does it."""
    mine = control_plane.kubeconfig()

    def act(
        verb: str,
        values: helm.Values | None = None,
        *flags: str,
        chart: Path = helm.CHART,
        kubeconfig: Path = mine,
    ) -> str:
        where = ("--namespace", namespace)
        if verb == "uninstall":
            return helm.run(verb, RELEASE, *where, *flags, kubeconfig=kubeconfig)
        with helm.values_file(values) as file:
            given = (str(chart), *where, "--values", file, *flags)
            return helm.run(verb, RELEASE, *given, kubeconfig=kubeconfig)

    yield act
    act("uninstall", None, "--ignore-not-found")


def bridge(namespace: str) -> Manifest:
    """Return the minimal example, in a namespace of the test's."""
    (manifest,) = documents(EXAMPLES / "minimal.yaml")
    manifest["metadata"]["namespace"] = namespace
    return manifest


def columns(kube: KubeClient) -> list[str]:
    """Return what `kubectl get mkb` shows."""
    version = kube.read(CUSTOM_RESOURCE, DEFINITION)["spec"]["versions"][0]
    return [column["name"] for column in version["additionalPrinterColumns"]]


def may(kube: KubeClient, who: str, verb: str, resource: str, namespace: str) -> bool:
    """Tell whether a ServiceAccount (`namespace:name`) has a right; resource/subresource."""
    name, _, subresource = resource.partition("/")
    group = "" if name in {"secrets", "pods"} else "mqttkafka.dev"
    asked = {"group": group, "resource": name, "subresource": subresource}
    review = kube.create(
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{who}",
                "resourceAttributes": {"namespace": namespace, "verb": verb, **asked},
            },
        }
    )
    allowed: bool = review["status"]["allowed"]
    return allowed


def bound(kube: KubeClient, namespace: str, role: str) -> str:
    """Make somebody who has one of the cluster's own roles in a namespace; return his name."""
    metadata = {"name": role, "namespace": namespace}
    kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    kube.create(
        {
            "apiVersion": CLUSTER_ROLE.api_version,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }
    )
    return f"{namespace}:{role}"


@pytest.fixture
def wider_chart(tmp_path: Path) -> Path:
    """A chart whose definition has one more column."""
    chart = tmp_path / "chart"
    shutil.copytree(helm.CHART, chart)
    template = chart / "templates" / "crd.yaml"
    before, found, after = template.read_text().partition("    additionalPrinterColumns:\n")
    assert found
    column = "    - name: Wider\n      type: string\n      jsonPath: .metadata.name\n"
    template.write_text(f"{before}{found}{column}{after}")
    return chart


def test_a_release_is_what_the_chart_says(kube: KubeClient, namespace: str, release: Helm) -> None:
    """The API server takes every object, and knows every field of it."""
    release("install", {"networkPolicy": {"create": True}}, *ADOPT)

    assert kube.read(DEPLOYMENT, RELEASE, namespace)["spec"]["replicas"] == 2
    kept = kube.read(CUSTOM_RESOURCE, DEFINITION)["metadata"]["annotations"]
    assert kept["helm.sh/resource-policy"] == "keep"
    for made in helm.render({"networkPolicy": {"create": True}}):
        kind = Kind(made["apiVersion"], made["kind"])
        if made["kind"] != "NetworkPolicy":  # whose plural is no rule's
            within = namespace if "namespace" in made["metadata"] else None
            assert kube.find(kind, made["metadata"]["name"], within), made["kind"]


def test_an_upgrade_changes_the_definition(
    kube: KubeClient, release: Helm, wider_chart: Path
) -> None:
    """And back again; bridges stay."""
    release("install", None, *ADOPT)
    kube.apply(NO_LONGER_OURS)
    assert "Wider" not in columns(kube)

    release("upgrade", chart=wider_chart)
    assert "Wider" in columns(kube)

    release("upgrade")
    assert "Wider" not in columns(kube)


def test_uninstalling_keeps_bridges_and_a_new_release_takes_them_up(
    kube: KubeClient, namespace: str, release: Helm
) -> None:
    """The definition stays, for with it would go every bridge of the cluster."""
    release("install", None, *ADOPT)
    eventually(lambda: kube.apply(bridge(namespace)), 10, what="a bridge can be applied")

    release("uninstall")

    assert kube.find(DEPLOYMENT, RELEASE, namespace) is None
    assert kube.find(CLUSTER_ROLE, RELEASE) is None
    assert kube.find(CUSTOM_RESOURCE, DEFINITION) is not None
    uid = kube.read(BRIDGE, "plant", namespace)["metadata"]["uid"]

    release("install")

    assert kube.read(BRIDGE, "plant", namespace)["metadata"]["uid"] == uid
    kube.delete(BRIDGE, "plant", namespace)


def test_the_operators_rights_end_at_the_namespaces_that_it_watches(
    kube: KubeClient, namespace: str, release: Helm
) -> None:
    """Within them they are those of an operator of the whole cluster; Secrets it only reads."""
    operator = f"{namespace}:{RELEASE}"

    release("install", {"crd": {"create": False}})
    assert may(kube, operator, "patch", "mqttkafkabridges/status", "default")
    assert may(kube, operator, "list", "secrets", "default")
    assert not may(kube, operator, "patch", "secrets", "default")

    release("upgrade", {"crd": {"create": False}, "watchNamespaces": [namespace]})
    for where, allowed in ((namespace, True), ("default", False)):
        assert may(kube, operator, "patch", "mqttkafkabridges/status", where) is allowed
        assert may(kube, operator, "list", "secrets", where) is allowed
    assert not may(kube, operator, "patch", "secrets", namespace)


@pytest.mark.parametrize(
    ("role", "writes"),
    [("view", False), ("edit", True), ("admin", True)],
    ids=["view", "edit", "admin"],
)
def test_the_clusters_own_roles_know_bridges(
    kube: KubeClient, namespace: str, release: Helm, role: str, *, writes: bool
) -> None:
    """What one may do with Deployments, one may do with bridges; the status is the operator's."""
    somebody = bound(kube, namespace, role)
    release("install", {"crd": {"create": False}})

    def allowed(verb: str, resource: str = "mqttkafkabridges") -> bool:
        return may(kube, somebody, verb, resource, namespace)

    eventually(lambda: allowed("list"), 30, what=f"{role} is aggregated")
    eventually(lambda: allowed("create") is writes, 30, what=f"{role} is aggregated")
    assert allowed("get", "mqttkafkabridges/status")
    assert allowed("get", "mqttkafkabridges/scale")
    assert allowed("patch", "mqttkafkabridges/scale") is writes
    assert allowed("delete") is writes
    assert not allowed("patch", "mqttkafkabridges/status")


def test_a_team_installs_with_the_rights_of_its_namespace(
    control_plane: ControlPlane, kube: KubeClient, namespace: str, release: Helm
) -> None:
    """As the chart's README says: whoever runs the cluster applies the roles once."""
    bound(kube, namespace, "admin")
    team = control_plane.service_account_kubeconfig(namespace, "admin")
    watched = {"watchNamespaces": [namespace]}
    with pytest.raises(RefusedError, match="attempting to grant RBAC permissions"):
        release(
            "install", {**OWN_ONLY, "rbac": {"aggregatedRoles": False}, **watched}, kubeconfig=team
        )
    release("uninstall", kubeconfig=team)

    release("install", {**OWN_ONLY, **watched}, kubeconfig=team)
    operator = f"{namespace}:{RELEASE}"
    assert kube.find(SERVICE_ACCOUNT, RELEASE, namespace)
    assert not may(kube, operator, "list", "mqttkafkabridges", namespace)

    with helm.values_file(watched) as file:
        template = ("template", RELEASE, str(helm.CHART), "--namespace", namespace)
        roles = helm.run(*template, "--values", file, "--show-only", "templates/rbac.yaml")
    applied = kubectl(control_plane.kubeconfig(), "apply", "--filename", "-", typed=roles)
    assert applied.returncode == 0, applied.stderr
    assert {r["kind"] for r in yaml.safe_load_all(roles)} == {"Role", "RoleBinding"}
    assert may(kube, operator, "list", "mqttkafkabridges", namespace)
