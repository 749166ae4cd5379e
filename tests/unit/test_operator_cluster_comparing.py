"""Whether an object is as the operator would have it."""

from copy import deepcopy
from typing import Any

import pytest

from mqtt_kafka_operator.cluster.comparing import APPLIED_HASH, is_as_wanted, marked
from tests.support.bridges import full_bridge, rendered

WANTED: dict[str, Any] = {
    "metadata": {"labels": {"app": "bridge"}},
    "spec": {
        "replicas": 2,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "bridge",
                        "args": ["run", "file"],
                        "env": [{"name": "TZ", "value": "UTC"}],
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "resources": {"requests": {"cpu": 1, "memory": "1024Mi"}},
                    }
                ],
                "tolerations": [{"key": "dedicated"}],
            }
        },
    },
}


def live() -> dict[str, Any]:
    """Return an object as the API server answers: with defaults and with what others added."""
    found = deepcopy(WANTED)
    found["metadata"] |= {"uid": "1", "annotations": {"deployment.kubernetes.io/revision": "3"}}
    found["spec"]["progressDeadlineSeconds"] = 600
    spec = found["spec"]["template"]["spec"]
    spec["dnsPolicy"] = "ClusterFirst"
    spec["containers"][0]["ports"][0]["protocol"] = "TCP"
    spec["containers"][0]["resources"] = {"requests": {"cpu": "1", "memory": "1Gi"}}
    spec["containers"].insert(0, {"name": "injected", "image": "proxy"})
    return found


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the bridge's container."""
    containers = manifest["spec"]["template"]["spec"]["containers"]
    return next(it for it in containers if it["name"] == "bridge")


def test_defaults_injected_containers_and_other_spellings_are_no_difference() -> None:
    assert is_as_wanted(live(), WANTED)


@pytest.mark.parametrize(
    "edit",
    [
        lambda it: it["spec"].update(replicas=3),
        lambda it: it["spec"].update(replicas=True),
        lambda it: it["spec"].pop("replicas"),
        lambda it: it["metadata"]["labels"].clear(),
        lambda it: it["metadata"].update(labels=None),
        lambda it: container(it).update(args=["run"]),
        lambda it: container(it).update(args=["file", "run"]),
        lambda it: container(it).update(args="run"),
        lambda it: container(it)["env"].clear(),
        lambda it: container(it)["env"][0].update(value="CET"),
        lambda it: container(it)["ports"][0].update(protocol="UDP"),
        lambda it: container(it)["resources"]["requests"].update(cpu="1500m"),
        lambda it: container(it)["resources"]["requests"].update(cpu="much"),
        lambda it: it["spec"]["template"]["spec"]["containers"].pop(1),
        lambda it: it["spec"]["template"]["spec"]["tolerations"].append({"key": "other"}),
    ],
)
def test_what_somebody_changed_of_ours_is_found(edit: Any) -> None:  # noqa: ANN401
    found = live()
    edit(found)

    assert not is_as_wanted(found, WANTED)


@pytest.mark.parametrize(
    ("one", "other"), [("0.5", "500m"), ("1k", "1000"), ("1Gi", "1024Mi"), (2, "2"), ("1G", "1e9")]
)
def test_a_quantity_may_be_written_in_other_words(one: object, other: object) -> None:
    assert is_as_wanted({"limits": {"x": one}}, {"limits": {"x": other}})


def test_words_that_look_like_quantities_are_no_quantities() -> None:
    assert not is_as_wanted({"value": "0.5"}, {"value": "500m"})


def test_everything_that_is_rendered_is_as_wanted_when_it_is_there() -> None:
    for manifest in rendered(full_bridge()).values():
        assert is_as_wanted(deepcopy(manifest), manifest)


def test_the_mark_changes_with_what_is_rendered_and_with_nothing_else() -> None:
    """By it a field is found that is not rendered any more."""
    fewer = {**WANTED, "spec": {"replicas": 2}}
    same = {key: WANTED[key] for key in reversed(WANTED)}
    mark, of_fewer, of_same = (
        marked(it)["metadata"]["annotations"][APPLIED_HASH] for it in (WANTED, fewer, same)
    )

    assert mark != of_fewer
    assert mark == of_same
    assert "annotations" not in WANTED["metadata"]
