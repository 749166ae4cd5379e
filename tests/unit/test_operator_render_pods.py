"""The pods of a bridge: what rolls them, what they may do, and what users may change."""

from collections.abc import Mapping
from typing import Any

import pytest

from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render import Manifest
from tests.support.bridges import FULL, MINIMAL, bridge, full_bridge, mapping, rendered

OURS = "mqttkafka.dev/"
MIB = 1 << 20


def template(made: Bridge, **versions: str) -> Manifest:
    """Return the pod template of a bridge."""
    found: Manifest = rendered(made, **versions)["Deployment"]["spec"]["template"]
    return found


def spec(made: Bridge) -> Manifest:
    """Return the spec of a bridge's pods."""
    found: Manifest = template(made)["spec"]
    return found


def container(made: Bridge) -> Manifest:
    """Return the one container of a bridge's pods."""
    (found,) = spec(made)["containers"]
    return dict(found)


def changed(**pod_spec: object) -> Bridge:
    """Return a bridge whose template changes the spec of its pods."""
    return bridge(template={"spec": pod_spec})


def with_container(**changes: object) -> Bridge:
    """Return a bridge whose template changes the container."""
    return changed(containers=[{"name": "bridge", **changes}])


@pytest.mark.parametrize(
    "changes",
    [
        {"replicas": 5},
        {"paused": True},
        {"autoscaling": {"maxReplicas": 4}},
        {"observability": {"podMonitor": True}},
        {"template": {"serviceAccount": {"metadata": {"labels": {"team": "plant"}}}}},
        {"loopGuard": True},
    ],
    ids=str,
)
def test_what_the_pods_need_not_know_does_not_roll_them(changes: Mapping[str, Any]) -> None:
    assert template(bridge(**changes)) == template(bridge())


@pytest.mark.parametrize(
    "changes",
    [
        {"mqttToKafka": [mapping(onError="Stop")]},
        {"deadLetter": {"topic": "dead"}},
        {"limits": {"drain": "21s"}},
        {"observability": {"logLevel": "debug"}},
        {"template": {"metadata": {"annotations": {"note": "x"}}}},
    ],
    ids=str,
)
def test_what_the_pods_must_know_rolls_them(changes: Mapping[str, Any]) -> None:
    assert template(bridge(**changes)) != template(bridge())


@pytest.mark.parametrize("annotation", ["restart", "resume"])
def test_an_annotation_that_asks_for_it_rolls_the_pods(annotation: str) -> None:
    made = bridge(annotations={f"{OURS}{annotation}": "telemetry=1", "other": "x"})
    annotations = template(made)["metadata"]["annotations"]

    assert annotations[f"{OURS}{annotation}"] == "telemetry=1"
    assert "other" not in annotations


def test_a_rotated_secret_rolls_the_pods_and_their_configuration_stays() -> None:
    before = template(full_bridge())["metadata"]["annotations"]
    after = template(full_bridge(), plant_mqtt="2")["metadata"]["annotations"]

    assert {key for key in before if before[key] != after[key]} == {f"{OURS}secrets-hash"}


def test_a_secret_that_is_made_anew_rolls_the_pods() -> None:
    """Whoever restores a backup may give it the version of before."""
    before = template(full_bridge())["metadata"]["annotations"]
    after = template(full_bridge(), uids="anew")["metadata"]["annotations"]

    assert before[f"{OURS}secrets-hash"] != after[f"{OURS}secrets-hash"]


def test_a_secret_that_no_pod_mounts_rolls_nothing() -> None:
    made = full_bridge()

    assert template(made, unrelated="7") == template(made)


def test_pods_keep_to_the_restricted_pod_security() -> None:
    pod, own = spec(bridge()), container(bridge())["securityContext"]

    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "fsGroup": 10001,
    }
    assert own == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["serviceAccountName"] == "plant-bridge"


def test_configuration_and_secrets_are_one_volume_that_only_the_bridge_reads() -> None:
    (config, *secrets) = spec(full_bridge())["volumes"][0]["projected"]["sources"]

    assert spec(full_bridge())["volumes"][0]["projected"]["defaultMode"] == 0o440
    assert config["configMap"]["name"] == "plant-bridge"
    assert [it["secret"]["name"] for it in secrets] == [
        "authorities",
        "kafka.authority",
        "plant-kafka",
        "plant-mqtt",
    ]
    assert secrets[0]["secret"] == {
        "name": "authorities",
        "optional": False,
        "items": [
            {"key": "new.crt", "path": "secrets/authorities/new.crt"},
            {"key": "old.crt", "path": "secrets/authorities/old.crt"},
        ],
    }


def test_the_container_runs_its_file_and_is_asked_how_it_is() -> None:
    own = container(bridge())

    assert own["args"] == ["run", "/etc/mqtt-kafka-bridge/bridge.yaml"]
    assert own["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert {key: own[key]["httpGet"] for key in own if key.endswith("Probe")} == {
        "startupProbe": {"path": "/livez", "port": "http"},
        "livenessProbe": {"path": "/livez", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
    }


def test_pods_get_longer_to_end_than_the_bridge_takes_for_a_clean_stop() -> None:
    assert spec(bridge())["terminationGracePeriodSeconds"] == 30
    assert spec(bridge(limits={"drain": "1500ms"}))["terminationGracePeriodSeconds"] == 12
    assert spec(full_bridge())["terminationGracePeriodSeconds"] == 90


def memory(made: Bridge) -> int:
    """Return the limit of the container, in MiB."""
    limit: str = container(made)["resources"]["limits"]["memory"]
    return int(limit.removesuffix("Mi"))


def test_memory_covers_what_was_measured_and_follows_what_is_asked_for() -> None:
    assert container(bridge())["resources"] == {
        "requests": {"cpu": "250m", "memory": "112Mi"},
        "limits": {"memory": "224Mi"},  # 150 MiB were the most that was seen
    }
    assert memory(bridge(limits={"bytesInFlight": 256 * MIB})) >= 4 * 256 + 96
    shared = mapping(ordering="None", sessions=64)
    assert memory(bridge(mqttToKafka=[shared])) == 96 + 4 * 24 + 64 * 2


def test_pods_are_spread_over_zones_and_nodes_if_that_can_be() -> None:
    constraints = spec(bridge())["topologySpreadConstraints"]

    assert [it["topologyKey"] for it in constraints] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    assert all(it["whenUnsatisfiable"] == "ScheduleAnyway" for it in constraints)
    assert all(it["matchLabelKeys"] == ["pod-template-hash"] for it in constraints)


def test_a_constraint_of_the_users_counts_the_pods_of_the_bridge() -> None:
    rack = {"topologyKey": "rack", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
    constraints = spec(changed(topologySpreadConstraints=[rack]))["topologySpreadConstraints"]

    assert len(constraints) == 3
    assert constraints[2] == {
        **rack,
        "labelSelector": {"matchLabels": {"mqttkafka.dev/bridge": "plant"}},
    }


def test_every_field_of_the_users_template_reaches_the_pods() -> None:
    wanted, made = FULL["template"]["spec"], spec(full_bridge())
    (theirs,), ours = wanted["containers"], container(full_bridge())

    plain = {"nodeSelector", "affinity", "tolerations", "imagePullSecrets"}
    plain |= {"priorityClassName", "runtimeClassName", "schedulerName"}
    plain |= {"terminationGracePeriodSeconds"}
    assert {key: made[key] for key in plain} == {key: wanted[key] for key in plain}
    assert set(wanted) - plain == {
        "containers",
        "volumes",
        "topologySpreadConstraints",
        "securityContext",
    }
    (constraint,) = wanted["topologySpreadConstraints"]
    selector = {"matchLabels": {"mqttkafka.dev/bridge": "plant", "team": "plant"}}
    assert made["topologySpreadConstraints"][0] == {**constraint, "labelSelector": selector}
    assert made["volumes"][1:] == wanted["volumes"]
    assert made["securityContext"]["fsGroup"] == 10002
    assert (ours["image"], ours["imagePullPolicy"]) == (theirs["image"], "Always")
    assert ours["env"] == theirs["env"]
    assert ours["volumeMounts"][1:] == theirs["volumeMounts"]
    assert ours["securityContext"]["runAsUser"] == 10002


def test_the_users_labels_and_annotations_stand_beside_ours() -> None:
    metadata = template(full_bridge())["metadata"]

    assert metadata["labels"]["team"] == "plant"
    assert metadata["labels"]["mqttkafka.dev/bridge"] == "plant"
    assert metadata["annotations"]["example.com/note"] == "forwards"


def test_ours_win_where_a_crd_was_too_old_to_refuse_the_users() -> None:
    wrong = {"labels": {"mqttkafka.dev/bridge": "x"}, "annotations": {f"{OURS}config-hash": "x"}}

    assert template(bridge(template={"metadata": wrong})) == template(bridge())


def test_a_group_that_a_platform_gives_itself_can_be_left_out() -> None:
    """OpenShift's restricted policy refuses a group that is not of its own choice."""
    made = spec(changed(securityContext={"fsGroup": None}))

    assert "fsGroup" not in made["securityContext"]
    assert made["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize(
    ("resources", "requests"),
    [
        ({"limits": {"memory": "64Mi"}}, {"cpu": "250m"}),
        ({"limits": {"memory": "64Mi", "cpu": "100m"}}, None),
        (
            {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}},
            {"cpu": "250m", "memory": "32Mi"},
        ),
        ({"requests": {"cpu": "2"}}, {"cpu": "2", "memory": "112Mi"}),
    ],
)
def test_a_limit_of_the_users_takes_our_request_along(
    resources: Manifest, requests: Manifest | None
) -> None:
    """Ours might be above it, and the API server would refuse the pods."""
    assert container(with_container(resources=resources))["resources"].get("requests") == requests


def test_a_template_that_says_nothing_changes_nothing() -> None:
    nothing = {"containers": [{"name": "bridge", "resources": {}, "env": []}], "tolerations": []}

    assert spec(changed(**nothing)) == spec(bridge())
    assert "tolerations" not in spec(bridge(MINIMAL))
