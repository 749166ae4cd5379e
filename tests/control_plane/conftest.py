"""Fixtures of tests on a real API: one control plane for all of them, a namespace for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import helm
from tests.support.certificates import Authority
from tests.support.control_plane import ControlPlane
from tests.support.kube_api_server import KUBELET
from tests.support.kube_client import NAMESPACE, KubeClient, Manifest
from tests.support.kubelet import Kubelet
from tests.support.operator import Operator, grant
from tests.support.progress import starting
from tools.cluster.kubernetes import VERSION

MakeOperator = Callable[..., Operator]
MakeServiceAccount = Callable[..., KubeClient]
_CRDS = Path(__file__).parents[2] / "crds"


def _kinds() -> list[Manifest]:
    """List the kinds that this project defines."""
    return [yaml.safe_load(file.read_text()) for file in sorted(_CRDS.glob("*.yaml"))]


@pytest.fixture(scope="session")
def control_plane(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[ControlPlane]:
    """One for all tests, with this project's kinds; a test that ends a part starts it again."""
    with starting(pytestconfig, f"the control plane of Kubernetes {VERSION}"):
        folder = tmp_path_factory.mktemp("control-plane")
        plane = ControlPlane(folder, authority, manifests=_kinds())
        plane.up()
    yield plane
    plane.kill()


@pytest.fixture(scope="session")
def kube(control_plane: ControlPlane) -> Iterator[KubeClient]:
    """Somebody who may do everything."""
    with control_plane.client() as client:
        yield client


@pytest.fixture
def namespace(kube: KubeClient, unique: str) -> Iterator[str]:
    """A namespace of the test's own; it goes with all that is in it."""
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique}})
    yield unique
    kube.delete(NAMESPACE, unique)


@pytest.fixture
def kubelet(control_plane: ControlPlane, namespace: str) -> Iterator[Kubelet]:
    """Get every pod of the test's namespace ready as it comes."""
    with control_plane.client(KUBELET) as client, Kubelet(client, namespace) as kubelet:
        yield kubelet


@pytest.fixture
def make_operator(
    control_plane: ControlPlane, kube: KubeClient, namespace: str, tmp_path: Path, unique: str
) -> Iterator[MakeOperator]:
    """Make operators of the test's namespace, with the rights that the chart gives them."""
    account = grant(kube, unique, [namespace])
    made: list[Operator] = []

    def make(name: str = "operator", port: int | None = None) -> Operator:
        where = control_plane.service_account_kubeconfig(helm.NAMESPACE, account, port=port)
        made.append(Operator(tmp_path, where, name=name, namespaces=[namespace], lease=account))
        return made[-1]

    yield make
    for operator in made:
        operator.kill()


@pytest.fixture
def operator(make_operator: MakeOperator) -> Operator:
    """One of them, that leads."""
    made = make_operator()
    made.up()
    return made
