"""The Job that ends a bridge's sessions at the broker when the bridge is deleted."""

from copy import deepcopy

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.api.workload import BRIDGE_CONTAINER
from mqtt_kafka_operator.render.metadata import Manifest, manifest

DEADLINE_SECONDS = 20
"""From its creation, image and scheduling included: a deletion must not hang on a broker."""
_RETIRE_SECONDS = 15
"""Of it, for the bridge: so that it still says itself what is left."""
_KEPT_SECONDS = 300
"""After its end; long enough for an operator that restarts to see how it went."""
_NOT_FOR_A_JOB = ("ports", "startupProbe", "livenessProbe", "readinessProbe", "lifecycle")
_OURS = (
    names.CONFIG_HASH,
    names.CONFIG_GENERATION,
    names.SECRETS_HASH,
    names.RESTART,
    names.RESUME,
)


def retire_job(bridge: Bridge, pod_template: Manifest) -> Manifest:
    """Return the Job; a Job's template can't be changed, so it is created once.

    Args:
        bridge: that is being deleted, and has no pods any more.
        pod_template: of its Deployment, as rendered, or as the API server has it: then it works
            for a spec that has a mistake, too.
    """
    spec = {
        "activeDeadlineSeconds": DEADLINE_SECONDS,
        "backoffLimit": 0,
        "ttlSecondsAfterFinished": _KEPT_SECONDS,
        "template": {"metadata": _metadata(pod_template), "spec": _pod_spec(pod_template)},
    }
    return manifest(
        bridge,
        names.JOB,
        name=names.retire_job(bridge.name),
        labels={names.COMPONENT: names.RETIRE},
        spec=spec,
    )


def _metadata(pod_template: Manifest) -> Manifest:
    """Return the labels without the one by which Deployment, Service and budget find their pods."""
    metadata = pod_template["metadata"]
    labels = {key: value for key, value in metadata["labels"].items() if key != names.SELECTOR}
    annotations = {k: v for k, v in metadata.get("annotations", {}).items() if k not in _OURS}
    return {
        "labels": {**labels, names.COMPONENT: names.RETIRE},
        **({"annotations": annotations} if annotations else {}),
    }


def _pod_spec(pod_template: Manifest) -> Manifest:
    spec: Manifest = deepcopy(pod_template["spec"])
    spec.pop("topologySpreadConstraints", None)
    container = next(it for it in spec["containers"] if it["name"] == BRIDGE_CONTAINER)
    for key in _NOT_FOR_A_JOB:
        container.pop(key, None)
    container["args"] = ["retire", names.CONFIG_FILE, "--timeout", f"{_RETIRE_SECONDS}s"]
    # A sidecar that goes on would keep the Job from ending.
    return {**spec, "containers": [container], "restartPolicy": "Never"}
