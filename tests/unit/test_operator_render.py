"""The objects of a bridge: which there are, and what each of them says."""

from collections.abc import Iterator
from typing import Any

import pytest

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.api.workload import OWN_ANNOTATIONS, OWN_LABELS
from mqtt_kafka_operator.render import Manifest, objects, replicas
from mqtt_kafka_operator.translate import translate
from tests.support.bridges import MINIMAL, UID, around, bridge, full_bridge, rendered

ALL = [child.kind for child in names.CHILDREN]
FEWEST = ["ServiceAccount", "ConfigMap", "Service", "PodDisruptionBudget", "Deployment"]
SCALED: dict[str, Any] = {"autoscaling": {"maxReplicas": 4}}
WATCHED: dict[str, Any] = {"observability": {"podMonitor": True}}
SELECTOR = {"mqttkafka.dev/bridge": "plant"}


def empties(data: object, path: str = "") -> Iterator[str]:
    """List where plain data has a null or an empty map or list."""
    if data is None or data in ({}, []):
        yield path
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from empties(value, f"{path}.{key}")
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from empties(item, f"{path}[{index}]")


def test_what_others_refer_to_comes_before_them() -> None:
    assert list(rendered(full_bridge())) == ALL


def test_a_bridge_has_no_more_than_it_asks_for() -> None:
    assert list(rendered(bridge())) == FEWEST
    assert list(rendered(bridge(**WATCHED))) == [*FEWEST, "PodMonitor"]


def test_no_pod_monitor_where_nobody_knows_them() -> None:
    made = bridge(**WATCHED)
    translation = translate(made)
    unknown = around(translation, pod_monitors=False)

    assert [it["kind"] for it in objects(made, translation, unknown, 1)] == FEWEST


@pytest.mark.parametrize("changes", [{"paused": True}, {"replicas": 0}])
def test_without_pods_there_is_no_autoscaler(changes: dict[str, Any]) -> None:
    found = rendered(bridge(**SCALED, **changes))

    assert list(found) == FEWEST
    assert found["Deployment"]["spec"]["replicas"] == 0


def test_pods_are_as_many_as_the_resource_says() -> None:
    assert replicas(bridge(replicas=3).spec) == 3
    assert replicas(bridge().spec) == 1
    assert rendered(bridge(replicas=3))["Deployment"]["spec"]["replicas"] == 3


@pytest.mark.parametrize("kind", ALL)
def test_everything_goes_with_its_bridge(kind: str) -> None:
    metadata = rendered(full_bridge())[kind]["metadata"]

    assert metadata["name"] == "plant-bridge"
    assert metadata["namespace"] == "factory"
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "mqttkafka.dev/v1alpha1",
            "kind": "MqttKafkaBridge",
            "name": "plant",
            "uid": UID,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert set(OWN_LABELS) <= set(metadata["labels"])


@pytest.mark.parametrize("made", [bridge(), full_bridge()], ids=["minimal", "full"])
def test_nothing_is_said_that_the_api_server_would_drop(made: Bridge) -> None:
    """But for what the user's template says so."""
    found = [at for one in rendered(made).values() for at in empties(one)]

    assert [at for at in found if not at.endswith(".affinity.podAntiAffinity")] == []


@pytest.mark.parametrize("made", [bridge(), full_bridge()], ids=["minimal", "full"])
def test_the_versions_are_those_on_the_page_of_names(made: Bridge) -> None:
    versions = {child.kind: child.api_version for child in names.CHILDREN}

    assert all(one["apiVersion"] == versions[kind] for kind, one in rendered(made).items())


def test_the_labels_that_users_must_not_set_are_those_that_we_set() -> None:
    template = rendered(full_bridge())["Deployment"]["spec"]["template"]["metadata"]

    assert set(names.labels("plant")) == set(OWN_LABELS)
    assert set(OWN_ANNOTATIONS) <= set(template["annotations"])
    ours = {key for key in template["annotations"] if key.startswith("mqttkafka.dev/")}
    assert ours - set(OWN_ANNOTATIONS) <= {names.RESUME}


def test_pods_are_selected_by_one_label_that_never_changes() -> None:
    found = rendered(full_bridge())

    for kind in ("Deployment", "PodDisruptionBudget", "PodMonitor"):
        assert found[kind]["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert found["Service"]["spec"]["selector"] == SELECTOR
    assert found["Deployment"]["spec"]["template"]["metadata"]["labels"].items() >= SELECTOR.items()


def test_the_service_account_gives_no_token_and_takes_what_the_cloud_needs() -> None:
    account = rendered(full_bridge())["ServiceAccount"]

    assert account["automountServiceAccountToken"] is False
    assert account["metadata"]["annotations"] == {"example.com/role": "bridge"}
    assert account["metadata"]["labels"]["team"] == "plant"
    assert "annotations" not in rendered(bridge())["ServiceAccount"]["metadata"]


def test_the_configuration_is_one_file() -> None:
    made = full_bridge()

    assert rendered(made)["ConfigMap"]["data"] == {"bridge.yaml": translate(made).file}


def test_metrics_of_a_pod_that_is_not_ready_are_found_too() -> None:
    spec = rendered(bridge())["Service"]["spec"]

    assert spec["clusterIP"] == "None"
    assert spec["publishNotReadyAddresses"] is True
    assert spec["ports"] == [
        {"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}
    ]


def test_a_node_is_emptied_one_pod_at_a_time_and_never_held_up_by_a_sick_one() -> None:
    spec = rendered(bridge())["PodDisruptionBudget"]["spec"]

    assert spec["maxUnavailable"] == 1
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_autoscaler_scales_the_bridge_and_takes_pods_away_slowly() -> None:
    spec = rendered(full_bridge())["HorizontalPodAutoscaler"]["spec"]

    assert spec["scaleTargetRef"] == {
        "apiVersion": "mqttkafka.dev/v1alpha1",
        "kind": "MqttKafkaBridge",
        "name": "plant",
    }
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 8)
    (metric,) = spec["metrics"]
    assert metric["containerResource"] == {
        "name": "cpu",
        "container": "bridge",
        "target": {"type": "Utilization", "averageUtilization": 250},
    }
    down = spec["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 600
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": 60}]


def strategy(**changes: Any) -> Manifest:  # noqa: ANN401 - fields of a spec
    """Return how the pods of a bridge are replaced."""
    made: Manifest = rendered(bridge(**changes))["Deployment"]["spec"]["strategy"]
    return made


def test_a_new_pod_comes_before_an_old_one_goes() -> None:
    assert strategy() == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }


def test_two_pods_that_do_not_know_of_each_other_are_never_there_at_once() -> None:
    kafka = {**MINIMAL["kafka"], "coordination": {"type": "None"}}

    assert strategy(kafka=kafka) == {"type": "Recreate"}


def test_without_mappings_nobody_waits_for_pods_that_never_become_ready() -> None:
    assert strategy(mqttToKafka=[]) == {"type": "Recreate"}
