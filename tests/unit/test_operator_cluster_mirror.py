"""What the operator knows of the cluster without asking."""

from typing import Any

from mqtt_kafka_operator import names
from mqtt_kafka_operator.cluster import BRIDGE, POD, Key, KnownSecrets, Mirror, SecretFacts
from tests.support.bridges import resource

PLANT = Key("factory", "plant")
OTHER = Key("factory", "other")


def child(
    version: int = 1, uid: str = "u1", bridge: str = "plant", **content: object
) -> dict[str, Any]:
    """Return an object of a bridge."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "plant-bridge",
            "namespace": "factory",
            "uid": uid,
            "resourceVersion": str(version),
            "labels": {names.SELECTOR: bridge},
            "managedFields": [{"manager": "somebody"}],
        },
        **content,
    }


def pod(version: int = 1, uid: str = "p1", **status: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a pod of a bridge."""
    manifest = child(version, uid)
    metadata = manifest["metadata"] | {"name": uid}
    return {**manifest, "metadata": metadata, "spec": {"containers": []}, "status": status}


def test_only_what_is_new_is_news() -> None:
    """Our own write comes back by the watch, and so does every list."""
    mirror = Mirror()

    assert mirror.put(names.CONFIG_MAP, child(1, data={"a": "1"})) == PLANT
    assert mirror.put(names.CONFIG_MAP, child(1, data={"a": "1"})) is None
    assert mirror.put(names.CONFIG_MAP, child(2, data={"a": "1"})) is None
    assert mirror.put(names.CONFIG_MAP, child(3, data={"a": "2"})) == PLANT


def test_what_comes_late_is_no_news() -> None:
    mirror = Mirror()
    mirror.put(names.CONFIG_MAP, child(3, data={"a": "2"}))

    assert mirror.put(names.CONFIG_MAP, child(2, data={"a": "1"})) is None
    found = mirror.find(names.CONFIG_MAP, *("factory", "plant-bridge"))
    assert found is not None
    assert found["data"] == {"a": "2"}
    assert found["metadata"]["resourceVersion"] == "3"
    assert "managedFields" not in found["metadata"]


def test_an_object_that_is_gone_does_not_come_back() -> None:
    """The answer to a write of ours may be read after the watch told of the deletion."""
    mirror = Mirror()
    mirror.put(names.CONFIG_MAP, child(1))

    assert mirror.drop(names.CONFIG_MAP, child(3)) == PLANT
    assert mirror.put(names.CONFIG_MAP, child(2)) is None
    assert mirror.find(names.CONFIG_MAP, *("factory", "plant-bridge")) is None
    assert mirror.children(PLANT) == []
    assert mirror.put(names.CONFIG_MAP, child(4, "u2")) == PLANT


def test_the_end_of_its_forerunner_does_not_remove_an_object() -> None:
    """Kopf tells of objects with one name, but of two lives, in any order."""
    mirror = Mirror()
    mirror.put(names.CONFIG_MAP, child(4, "u2"))

    assert mirror.drop(names.CONFIG_MAP, child(3, "u1")) is None
    assert mirror.children(PLANT) == [(names.CONFIG_MAP, "plant-bridge")]


def test_an_object_belongs_to_its_owner_whatever_its_label_says() -> None:
    """Somebody may edit the label; then its owner has to be told."""
    mirror = Mirror()
    edited = child(1, bridge="other")
    edited["metadata"]["ownerReferences"] = [{"kind": BRIDGE.kind, "name": "plant", "uid": "b"}]

    assert mirror.put(names.CONFIG_MAP, edited) == PLANT
    assert mirror.children(OTHER) == []


def test_an_object_that_changes_hands_leaves_its_bridge() -> None:
    mirror = Mirror()
    mirror.put(names.CONFIG_MAP, child(1))

    assert mirror.put(names.CONFIG_MAP, child(2, bridge="other")) == OTHER
    assert mirror.children(PLANT) == []
    assert mirror.children(OTHER) == [(names.CONFIG_MAP, "plant-bridge")]


def test_a_status_counts_where_somebody_looks_at_it() -> None:
    mirror = Mirror()
    for kind in (names.DEPLOYMENT, names.CONFIG_MAP):
        mirror.put(kind, child(1, status={"replicas": 0}))

    assert mirror.put(names.DEPLOYMENT, child(2, status={"replicas": 1})) == PLANT
    assert mirror.put(names.CONFIG_MAP, child(2, status={"replicas": 1})) is None


def test_what_kubectl_remembers_of_a_resource_is_not_kept() -> None:
    mirror = Mirror()
    applied = resource(annotations={"kubectl.kubernetes.io/last-applied-configuration": "long"})
    applied["metadata"]["resourceVersion"] = "1"
    mirror.put(BRIDGE, applied)

    found = mirror.find(BRIDGE, *PLANT)
    assert found is not None
    assert found["metadata"]["annotations"] == {}
    assert mirror.bridges() == [PLANT]


def test_of_pods_the_facts_are_news() -> None:
    mirror = Mirror()

    assert mirror.put(POD, pod(1)) == PLANT
    assert mirror.put(POD, pod(2, qosClass="Burstable")) is None
    assert mirror.put(POD, pod(3, podIP="10.0.0.1")) == PLANT
    assert mirror.put(POD, pod(2)) is None
    assert [it.address for it in mirror.pods(PLANT)] == ["10.0.0.1"]
    assert mirror.drop(POD, pod(4)) == PLANT
    assert mirror.drop(POD, pod(4)) is None
    assert mirror.put(POD, pod(5)) is None
    assert mirror.pods(PLANT) == ()


def test_a_pod_of_nobody_is_nobodys_news() -> None:
    stray = pod()
    del stray["metadata"]["labels"]

    assert Mirror().put(POD, stray) is None
    assert Mirror().drop(POD, stray) is None


def test_what_a_list_does_not_find_is_gone_unless_it_came_later() -> None:
    mirror = Mirror()
    mirror.put(names.CONFIG_MAP, child(5))
    mirror.put(names.SERVICE, child(9))
    mirror.put(POD, pod(5, "p1"))
    mirror.put(POD, pod(9, "p2"))

    assert mirror.forget_absent(names.CONFIG_MAP, None, {"u1"}, 7) == set()
    assert mirror.forget_absent(names.CONFIG_MAP, "elsewhere", set(), 7) == set()
    assert mirror.forget_absent(names.SERVICE, None, set(), 7) == set()
    assert mirror.forget_absent(names.CONFIG_MAP, "factory", set(), 7) == {PLANT}
    assert mirror.forget_absent(POD, "elsewhere", set(), 7) == set()
    assert mirror.forget_absent(POD, None, set(), 7) == {PLANT}
    assert mirror.children(PLANT) == [(names.SERVICE, "plant-bridge")]
    assert [it.name for it in mirror.pods(PLANT)] == ["p2"]


def metadata(version: str = "1", uid: str = "s1", name: str = "login") -> dict[str, Any]:
    """Return the metadata of a Secret."""
    return {"namespace": "factory", "name": name, "uid": uid, "resourceVersion": version}


def test_nothing_of_a_secret_is_kept_but_the_names_of_keys() -> None:
    facts = SecretFacts.of({"metadata": metadata(), "data": {"password": "c2VjcmV0", "empty": ""}})

    assert facts == ("s1", "1", frozenset({"password"}))
    assert SecretFacts.of({"metadata": metadata()}).keys == frozenset()


def test_a_secret_that_changes_is_news_for_those_that_name_it() -> None:
    secrets = KnownSecrets()
    secrets.note_names(PLANT, ["login", "ca"])
    secrets.note_names(OTHER, ["login"])
    secrets.put("factory", "login", SecretFacts("s1", "1", frozenset({"password"})))

    assert secrets.changed(metadata(), gone=False) == set()
    assert secrets.changed(metadata("2"), gone=False) == {PLANT, OTHER}
    assert secrets.find("factory", "login") is None
    assert secrets.changed(metadata(name="ca"), gone=True) == {PLANT}
    assert secrets.changed(metadata(name="others"), gone=False) == set()


def test_a_secret_that_was_made_anew_does_not_go_with_its_forerunner() -> None:
    secrets = KnownSecrets()
    secrets.note_names(PLANT, ["login"])
    secrets.put("factory", "login", SecretFacts("s2", "5", frozenset()))

    assert secrets.changed(metadata("4", "s1"), gone=True) == set()
    assert secrets.changed(metadata("5", "s2"), gone=True) == {PLANT}


def test_a_secret_that_nobody_names_any_more_is_forgotten() -> None:
    secrets = KnownSecrets()
    secrets.note_names(PLANT, ["login"])
    secrets.note_names(OTHER, ["login"])
    secrets.put("factory", "login", SecretFacts("s1", "1", frozenset()))

    secrets.note_names(PLANT, [])
    assert secrets.find("factory", "login") is not None
    secrets.note_names(OTHER, ["ca"])
    assert secrets.find("factory", "login") is None


def test_a_drift_pass_has_secrets_looked_up_again() -> None:
    secrets = KnownSecrets()
    secrets.note_names(PLANT, ["login"])
    secrets.put("factory", "login", SecretFacts("s1", "1", frozenset()))
    secrets.forget_facts()

    assert secrets.find("factory", "login") is None
    assert secrets.changed(metadata(), gone=False) == {PLANT}
