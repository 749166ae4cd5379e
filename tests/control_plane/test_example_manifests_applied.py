"""The examples as a user applies them, to a real API; nobody acts on them here."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.control_plane import ControlPlane
from tests.support.kube_client import Kind, KubeClient, Manifest
from tests.support.kubectl import kubectl
from tests.support.manifests import EXAMPLES, GITOPS, OVERLAYS, bridges, documents

BRIDGE = Kind("mqttkafka.dev/v1alpha1", "MqttKafkaBridge")
FILES = [file.name for file in sorted(EXAMPLES.glob("*.yaml")) if bridges(documents(file))]
FACTORIES = ("factory", "factory-staging")
Apply = Callable[..., str]


@pytest.fixture
def apply(control_plane: ControlPlane, kube: KubeClient) -> Iterator[Apply]:
    """Run `kubectl apply --server-side`; what came by it goes, the namespaces of factories stay."""
    for name in FACTORIES:
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def act(*arguments: str) -> str:
        done = kubectl(control_plane.kubeconfig(), "apply", "--server-side", *arguments)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        return done.stdout

    yield act
    for namespace in ("default", *FACTORIES):
        for bridge in kube.list(BRIDGE, namespace):
            kube.delete(BRIDGE, bridge["metadata"]["name"], namespace)


def mappings(kube: KubeClient, namespace: str) -> list[str]:
    """Return the names of the mappings from MQTT."""
    spec = kube.read(BRIDGE, "plant", namespace)["spec"]
    return [mapping["name"] for mapping in spec["mqttToKafka"]]


@pytest.mark.parametrize("file", FILES)
def test_an_example_is_taken_as_it_is(apply: Apply, kube: KubeClient, file: str) -> None:
    """No field is unknown, no rule is broken, no warning is given."""
    apply("--filename", str(EXAMPLES / file))

    (example,) = bridges(documents(EXAMPLES / file))
    live = kube.read(BRIDGE, "plant", "default")["spec"]
    assert example["spec"].items() <= live.items()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_environment_is_taken_as_it_is(apply: Apply, kube: KubeClient, overlay: str) -> None:
    """By kubectl's own Kustomize."""
    folder = GITOPS / "overlays" / overlay
    namespace = "factory-staging" if overlay == "staging" else "factory"
    apply("--kustomize", str(folder))

    assert mappings(kube, namespace) == ["energy-readings", "maintenance-alarms"]


def without_mappings(part: Manifest) -> Manifest:
    """Return what a team applies when it takes out its last mapping."""
    return {key: value for key, value in part.items() if key != "spec"}


def test_a_teams_pipeline_and_the_platforms_leave_each_others_mappings_alone(
    apply: Apply, kube: KubeClient
) -> None:
    """Whoever applies again, and when one takes its own out."""
    production = str(GITOPS / "overlays" / "production")
    energy = GITOPS / "server-side-apply" / "energy.yaml"
    platform = ("--field-manager=platform", "--kustomize", production)
    theirs = ["energy-readings", "maintenance-alarms"]

    apply(*platform)
    apply("--field-manager=team-energy", "--filename", str(energy))
    assert mappings(kube, "factory") == [*theirs, "energy-meters"]

    apply(*platform)
    assert mappings(kube, "factory") == [*theirs, "energy-meters"]

    (part,) = documents(energy)
    kube.apply(without_mappings(part), manager="team-energy")
    assert mappings(kube, "factory") == theirs


def test_an_autoscaler_and_git_do_not_fight(apply: Apply, kube: KubeClient) -> None:
    """What the autoscaler sets through the scale stays when Git is applied again."""
    production = ("--kustomize", str(GITOPS / "overlays" / "production"))
    apply(*production)
    kube.patch(BRIDGE, "plant", "factory", {"spec": {"replicas": 4}}, subresource="scale")

    apply(*production)

    assert kube.read(BRIDGE, "plant", "factory")["spec"]["replicas"] == 4
