"""The Job that ends the sessions of a bridge that is deleted."""

from mqtt_kafka_operator.render import Manifest, retire_job
from tests.support.bridges import MINIMAL, bridge, full_bridge, rendered


def job(*, live: bool = False, made: Manifest | None = None) -> Manifest:
    """Return the Job of a bridge; `live`: from a template with what an API server adds."""
    owner = full_bridge() if made is None else bridge(made)
    template = rendered(owner)["Deployment"]["spec"]["template"]
    if live:
        template["spec"]["containers"].insert(0, {"name": "beside", "image": "beside:1"})
        template["spec"] |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
        del template["spec"]["topologySpreadConstraints"]
    return retire_job(owner, template)


def pod(manifest: Manifest) -> Manifest:
    """Return the pod template of a Job."""
    found: Manifest = manifest["spec"]["template"]
    return found


def test_the_job_retires_by_the_same_file_and_secrets() -> None:
    made, deployed = pod(job())["spec"], rendered(full_bridge())["Deployment"]["spec"]["template"]
    (container,) = made["containers"]

    assert container["args"] == [
        "retire",
        "/etc/mqtt-kafka-bridge/bridge.yaml",
        "--timeout",
        "15s",
    ]
    assert made["volumes"] == deployed["spec"]["volumes"]
    assert container["volumeMounts"] == deployed["spec"]["containers"][0]["volumeMounts"]
    assert container["image"] == deployed["spec"]["containers"][0]["image"]
    for key in ("nodeSelector", "tolerations", "imagePullSecrets", "securityContext"):
        assert made[key] == deployed["spec"][key]


def test_a_deletion_never_waits_longer_than_twenty_seconds_for_it() -> None:
    spec = job()["spec"]

    assert spec["activeDeadlineSeconds"] == 20
    assert spec["backoffLimit"] == 0
    assert spec["ttlSecondsAfterFinished"] == 300
    assert pod(job())["spec"]["restartPolicy"] == "Never"


def test_no_service_and_no_budget_takes_its_pod_for_one_of_the_bridges() -> None:
    labels = pod(job())["metadata"]["labels"]

    assert "mqttkafka.dev/bridge" not in labels
    assert labels["app.kubernetes.io/component"] == "retire"
    assert labels["app.kubernetes.io/instance"] == "plant"
    assert labels["team"] == "plant"
    assert job()["metadata"]["labels"]["mqttkafka.dev/bridge"] == "plant"


def test_nobody_asks_a_job_how_it_is() -> None:
    (container,) = pod(job())["spec"]["containers"]

    assert [key for key in container if key == "ports" or key.endswith("Probe")] == []
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_job_belongs_to_the_bridge() -> None:
    metadata = job()["metadata"]

    assert metadata["name"] == "plant-bridge-retire"
    assert metadata["ownerReferences"][0]["name"] == "plant"


def test_the_template_of_a_live_deployment_does_as_well() -> None:
    """Then the spec may have a mistake; what runs beside the bridge would never end."""
    made = pod(job(live=True))["spec"]

    assert [it["name"] for it in made["containers"]] == ["bridge"]
    assert made["restartPolicy"] == "Never"
    assert made["dnsPolicy"] == "ClusterFirst"


def test_annotations_that_roll_pods_are_not_a_jobs() -> None:
    assert pod(job())["metadata"]["annotations"] == {"example.com/note": "forwards"}
    assert "annotations" not in pod(job(made=MINIMAL))["metadata"]


def test_making_the_job_leaves_the_deployment_as_it_is() -> None:
    owner = full_bridge()
    template = rendered(owner)["Deployment"]["spec"]["template"]
    retire_job(owner, template)

    assert template == rendered(owner)["Deployment"]["spec"]["template"]
