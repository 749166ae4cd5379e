"""Rows 22 and 26: edits in quick succession, and hands on what is the operator's."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.support.bridge_resources import (
    BRIDGE,
    LABEL,
    NAME,
    OBJECTS,
    await_deployment,
    await_reconciled,
    content,
    manifest,
    objects,
)
from tests.support.bridges import MINIMAL
from tests.support.kube_client import (
    CONFIG_MAP,
    DEPLOYMENT,
    REPLICA_SET,
    Kind,
    KubeClient,
    Manifest,
)
from tests.support.kubelet import Kubelet, await_rollout
from tests.support.waiting import eventually

CHILD = f"{NAME}-bridge"
RESTORED_SECONDS = 10
pytestmark = pytest.mark.usefixtures("operator")


def test_five_edits_during_a_roll_out_end_in_the_last_one(
    kube: KubeClient, kubelet: Kubelet, namespace: str
) -> None:
    assert kubelet
    kube.apply(manifest(namespace, replicas=2))
    await_deployment(kube, namespace)
    await_rollout(kube, namespace, CHILD)

    for topic in ("a", "b", "c", "d", "last"):
        mapping = {**MINIMAL["mqttToKafka"][0], "to": {"topic": topic}}
        kube.apply(manifest(namespace, replicas=2, mqttToKafka=[mapping]))

    resource = await_reconciled(kube, namespace)
    assert resource["metadata"]["generation"] == 6
    await_rollout(kube, namespace, CHILD)
    assert '"topic": "last"' in kube.read(CONFIG_MAP, CHILD, namespace)["data"]["bridge.yaml"]
    template = kube.read(DEPLOYMENT, CHILD, namespace)["spec"]["template"]
    assert template["metadata"]["annotations"]["mqttkafka.dev/config-generation"] == "6"
    assert len(kube.list(REPLICA_SET, namespace, selector=f"{LABEL}={NAME}")) <= 5


@pytest.mark.parametrize("kind", OBJECTS, ids=lambda it: it.name)
def test_an_object_that_is_deleted_comes_back(kube: KubeClient, namespace: str, kind: Kind) -> None:
    kube.apply(manifest(namespace))
    await_reconciled(kube, namespace)
    before = kube.read(kind, CHILD, namespace)

    kube.delete(kind, CHILD, namespace)

    def is_back() -> Manifest | None:
        found = kube.find(kind, CHILD, namespace)
        again = found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]
        return found if again else None

    after = eventually(is_back, RESTORED_SECONDS, what=f"{kind.name} is back")
    assert after
    assert content(after, namespace) == content(before, namespace)


def edited_config(it: Manifest) -> None:
    it["data"]["bridge.yaml"] = "{}"


def edited_label(it: Manifest) -> None:
    it["metadata"]["labels"][LABEL] = "another"


def removed_label(it: Manifest) -> None:
    del it["metadata"]["labels"][LABEL]


def edited_image(it: Manifest) -> None:
    it["spec"]["template"]["spec"]["containers"][0]["image"] = "another"


def edited_replicas(it: Manifest) -> None:
    it["spec"]["replicas"] = 9


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        (CONFIG_MAP, edited_config),
        (CONFIG_MAP, edited_label),
        (CONFIG_MAP, removed_label),
        (DEPLOYMENT, edited_image),
        (DEPLOYMENT, edited_replicas),
    ],
)
def test_an_edit_by_hand_is_taken_back(
    kube: KubeClient, namespace: str, kind: Kind, edit: Callable[[Manifest], None]
) -> None:
    kube.apply(manifest(namespace))
    await_reconciled(kube, namespace)
    before = kube.read(kind, CHILD, namespace)
    edited = deepcopy(before)
    del edited["metadata"]["resourceVersion"]  # whatever controllers write meanwhile
    edit(edited)

    kube.request("PUT", f"{kind.path}/namespaces/{namespace}/{kind.plural}/{CHILD}", edited)

    eventually(
        lambda: content(kube.read(kind, CHILD, namespace), namespace) == content(before, namespace),
        RESTORED_SECONDS,
        what="as it was",
    )


def test_what_others_add_stays_theirs(kube: KubeClient, namespace: str) -> None:
    """An injected container, a note, a label of a cost centre; an edit of ours goes by them."""
    kube.apply(manifest(namespace))
    await_deployment(kube, namespace)
    await_reconciled(kube, namespace)
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": CHILD,
            "namespace": namespace,
            "labels": {"cost-centre": "7"},
            "annotations": {"note": "theirs"},
        },
        "spec": {
            "template": {"spec": {"containers": [{"name": "proxy", "image": "localhost/proxy:1"}]}}
        },
    }
    kube.apply(theirs, manager="injector")

    kube.apply(manifest(namespace, replicas=2))
    kube.delete(CONFIG_MAP, CHILD, namespace)
    eventually(
        lambda: kube.read(DEPLOYMENT, CHILD, namespace)["spec"]["replicas"] == 2, 5, what="2 pods"
    )
    eventually(lambda: kube.find(CONFIG_MAP, CHILD, namespace), RESTORED_SECONDS, what="ConfigMap")

    found = kube.read(DEPLOYMENT, CHILD, namespace)
    names = {it["name"] for it in found["spec"]["template"]["spec"]["containers"]}
    assert names == {"bridge", "proxy"}
    assert found["metadata"]["labels"]["cost-centre"] == "7"
    assert found["metadata"]["annotations"]["note"] == "theirs"


def test_a_field_that_is_not_wanted_any_more_goes(kube: KubeClient, namespace: str) -> None:
    kube.apply(manifest(namespace, template={"spec": {"nodeSelector": {"disk": "ssd"}}}))
    made = await_deployment(kube, namespace)
    assert made["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}

    kube.apply(manifest(namespace))

    eventually(
        lambda: (
            "nodeSelector"
            not in kube.read(DEPLOYMENT, CHILD, namespace)["spec"]["template"]["spec"]
        ),
        5,
        what="no node selector",
    )
    assert sorted(objects(kube, namespace)) == sorted(it.name for it in OBJECTS)
    assert kube.read(BRIDGE, NAME, namespace)["metadata"]["generation"] == 2
