"""The control plane that the other tests rely on is a real one, and does what they rely on."""

from collections.abc import Iterator

import pytest

from tests.support.background import Background
from tests.support.control_plane import ControlPlane
from tests.support.kube_api_server import ADMIN
from tests.support.kube_audit import WRITING
from tests.support.kube_client import (
    CONFIG_MAP,
    CUSTOM_RESOURCE,
    NAMESPACE,
    SERVICE_ACCOUNT,
    ApiError,
    Kind,
    KubeClient,
    Manifest,
)
from tests.support.kubectl import kubectl
from tests.support.proxy import Proxy
from tests.support.waiting import eventually
from tools.cluster.kubernetes import VERSION

_LAMP = Kind("tests.example/v1", "Lamp")
_START_SECONDS = 30
"""It takes 3 on two quiet cores; the rest is for busy ones."""


def config_map(namespace: str, name: str = "settings", **data: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data,
    }


def service_account(namespace: str, name: str = "worker") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }


def allow(kube: KubeClient, namespace: str, rule: Manifest, name: str = "worker") -> None:
    """Give a ServiceAccount a right in its namespace."""
    metadata = {"name": name, "namespace": namespace}
    api = "rbac.authorization.k8s.io/v1"
    kube.create({"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": [rule]})
    kube.create(
        {
            "apiVersion": api,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }
    )


@pytest.fixture
def worker(control_plane: ControlPlane, kube: KubeClient, namespace: str) -> Iterator[KubeClient]:
    """A ServiceAccount without rights, by a token of its own."""
    kube.create(service_account(namespace))
    with KubeClient(control_plane.service_account_kubeconfig(namespace, "worker")) as client:
        yield client


@pytest.fixture
def lamps(kube: KubeClient) -> Iterator[None]:
    """A kind whose brightness only grows, and is bounded by a rule in CEL."""
    rules = [
        {"rule": "self.watts <= 60", "message": "over 60 W it melts; write at most 60"},
        {"rule": "self.watts >= oldSelf.watts", "message": "it only gets brighter"},
    ]
    spec = {
        "type": "object",
        "properties": {"watts": {"type": "integer", "default": 5}},
        "x-kubernetes-validations": rules,
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    definition = {
        "apiVersion": CUSTOM_RESOURCE.api_version,
        "kind": CUSTOM_RESOURCE.name,
        "metadata": {"name": "lamps.tests.example"},
        "spec": {
            "group": "tests.example",
            "names": {"kind": "Lamp", "plural": "lamps"},
            "scope": "Namespaced",
            "versions": [version],
        },
    }
    kube.create(definition)
    eventually(lambda: kube.list(_LAMP) == [], 10, what="lamps served", ignoring=(ApiError,))
    yield
    kube.delete(CUSTOM_RESOURCE, "lamps.tests.example")


def lamp(namespace: str, **spec: object) -> Manifest:
    metadata = {"name": "desk", "namespace": namespace}
    return {"apiVersion": _LAMP.api_version, "kind": "Lamp", "metadata": metadata, "spec": spec}


def test_it_is_the_version_that_is_pinned(control_plane: ControlPlane, kube: KubeClient) -> None:
    told = kubectl(control_plane.kubeconfig(), "version")

    assert kube.request("GET", "/version")["gitVersion"] == f"v{VERSION}"
    assert f"Client Version: v{VERSION}" in told.stdout


def test_it_starts_in_seconds(control_plane: ControlPlane) -> None:
    assert control_plane.start_seconds < _START_SECONDS


def test_fields_of_others_stay_theirs(kube: KubeClient, namespace: str) -> None:
    kube.apply(config_map(namespace, ours="1"), manager="us")
    kube.apply(config_map(namespace, theirs="2"), manager="them")

    applied = kube.apply(config_map(namespace, ours="3"), manager="us")

    assert applied["data"] == {"ours": "3", "theirs": "2"}


def test_two_who_apply_one_field_are_in_conflict(kube: KubeClient, namespace: str) -> None:
    kube.apply(config_map(namespace, colour="red"), manager="us")

    with pytest.raises(ApiError) as refused:
        kube.apply(config_map(namespace, colour="blue"), manager="them")

    assert refused.value.status == 409
    forced = kube.apply(config_map(namespace, colour="blue"), manager="them", force=True)
    assert forced["data"] == {"colour": "blue"}


def test_what_an_object_owns_goes_with_it(kube: KubeClient, namespace: str) -> None:
    owner = kube.create(config_map(namespace, "owner"))
    owned = config_map(namespace, "owned")
    owned["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
        }
    ]
    kube.create(owned)

    kube.delete(CONFIG_MAP, "owner", namespace)

    eventually(lambda: not kube.find(CONFIG_MAP, "owned", namespace), 10, what="collected")


def test_a_finalizer_holds_an_object(kube: KubeClient, namespace: str) -> None:
    held = config_map(namespace)
    held["metadata"]["finalizers"] = ["tests.example/wait"]
    kube.create(held)

    kube.delete(CONFIG_MAP, "settings", namespace)

    assert "deletionTimestamp" in kube.read(CONFIG_MAP, "settings", namespace)["metadata"]
    kube.patch(CONFIG_MAP, "settings", namespace, {"metadata": {"finalizers": None}})
    assert kube.find(CONFIG_MAP, "settings", namespace) is None


def test_a_namespace_goes_with_all_that_is_in_it(kube: KubeClient, unique: str) -> None:
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": unique}})
    kube.create(config_map(unique))

    kube.delete(NAMESPACE, unique)

    eventually(lambda: not kube.find(NAMESPACE, unique), 20, what="gone")
    assert kube.list(CONFIG_MAP, unique) == []


def test_a_token_says_who_asks(worker: KubeClient, namespace: str) -> None:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}

    told = worker.create(review)

    user = told["status"]["userInfo"]["username"]
    assert user == f"system:serviceaccount:{namespace}:worker"


def test_who_has_no_right_is_refused(kube: KubeClient, worker: KubeClient, namespace: str) -> None:
    kube.create(config_map(namespace))
    with pytest.raises(ApiError) as refused:
        worker.read(CONFIG_MAP, "settings", namespace)
    assert refused.value.status == 403

    allow(kube, namespace, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]})

    eventually(
        lambda: worker.read(CONFIG_MAP, "settings", namespace),
        10,
        what="allowed",
        ignoring=(ApiError,),
    )
    with pytest.raises(ApiError) as refused:
        worker.delete(CONFIG_MAP, "settings", namespace)
    assert refused.value.status == 403


def test_who_blocks_the_end_of_an_owner_needs_a_right_on_it(
    kube: KubeClient, worker: KubeClient, namespace: str
) -> None:
    owner = kube.read(SERVICE_ACCOUNT, "worker", namespace)
    allow(kube, namespace, {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]})
    eventually(
        lambda: worker.create(config_map(namespace, "free")), 10, ignoring=(ApiError,), what="made"
    )
    owned = config_map(namespace, "owned")
    owned["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "name": "worker",
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": True,
        }
    ]

    with pytest.raises(ApiError, match="cannot set blockOwnerDeletion"):
        worker.create(owned)


@pytest.mark.usefixtures("lamps")
def test_a_rule_in_cel_refuses_with_its_message(kube: KubeClient, namespace: str) -> None:
    with pytest.raises(ApiError, match="over 60 W it melts; write at most 60") as refused:
        kube.create(lamp(namespace, watts=100))
    assert refused.value.status == 422

    assert kube.create(lamp(namespace))["spec"]["watts"] == 5
    with pytest.raises(ApiError, match="it only gets brighter"):
        kube.patch(_LAMP, "desk", namespace, {"spec": {"watts": 4}})


def test_the_audit_log_counts_writes(
    control_plane: ControlPlane, kube: KubeClient, namespace: str
) -> None:
    audit, mark = control_plane.audit, control_plane.audit.mark()

    kube.create(config_map(namespace, colour="red"))
    kube.read(CONFIG_MAP, "settings", namespace)
    kube.patch(CONFIG_MAP, "settings", namespace, {"data": {"colour": "blue"}})
    kube.delete(CONFIG_MAP, "settings", namespace)

    def written() -> list[tuple[str, str, int]]:
        calls = audit.calls(mark, user=ADMIN, verbs=WRITING)
        return [(call.verb, call.resource, call.code) for call in calls]

    expected = [("create", "configmaps", 201), ("patch", "configmaps", 200)]
    eventually(lambda: len(written()) == 3, 10, what=lambda: f"written: {written()}")
    assert written() == [*expected, ("delete", "configmaps", 200)]


def test_a_restarted_api_server_has_its_data(
    control_plane: ControlPlane, kube: KubeClient, worker: KubeClient, namespace: str
) -> None:
    kube.create(config_map(namespace, colour="red"))
    before = control_plane.api_server.pid

    control_plane.restart_api_server()

    assert control_plane.api_server.pid != before
    assert kube.read(CONFIG_MAP, "settings", namespace)["data"] == {"colour": "red"}
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    assert worker.create(review), "the token is still good"


def test_a_proxy_can_stand_before_it(
    control_plane: ControlPlane, background: Background, namespace: str
) -> None:
    proxy = background.enter(Proxy(control_plane.api_server.port))
    kubeconfig = control_plane.kubeconfig(port=proxy.port)

    told = kubectl(kubeconfig, "get", "namespace", namespace, "--output=name")

    assert told.stdout == f"namespace/{namespace}\n"
    assert proxy.connections
