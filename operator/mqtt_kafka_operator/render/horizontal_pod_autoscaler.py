"""The HorizontalPodAutoscaler: it scales the bridge, and the operator its Deployment."""

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.api.spec import API_VERSION, KIND
from mqtt_kafka_operator.api.workload import BRIDGE_CONTAINER, Autoscaling
from mqtt_kafka_operator.render.metadata import Manifest, manifest

_ONE_BY_ONE = {"type": "Pods", "value": 1, "periodSeconds": 60}
"""Each pod that goes hands its sessions over; the others shall have settled before the next one."""


def horizontal_pod_autoscaler(bridge: Bridge, autoscaling: Autoscaling) -> Manifest:
    """Return the HorizontalPodAutoscaler.

    It looks at the bridge's container alone: a sidecar that somebody injects, without a request of
    its own, would otherwise keep it from knowing anything.
    """
    utilization = {"type": "Utilization", "averageUtilization": autoscaling.cpu_utilization}
    metric = {"name": "cpu", "container": BRIDGE_CONTAINER, "target": utilization}
    stabilization_seconds = int(autoscaling.scale_down_stabilization.total_seconds())
    spec = {
        "scaleTargetRef": {"apiVersion": API_VERSION, "kind": KIND, "name": bridge.name},
        "minReplicas": autoscaling.min_replicas,
        "maxReplicas": autoscaling.max_replicas,
        "metrics": [{"type": "ContainerResource", "containerResource": metric}],
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": stabilization_seconds,
                "policies": [_ONE_BY_ONE],
            }
        },
    }
    return manifest(bridge, names.HORIZONTAL_POD_AUTOSCALER, spec=spec)
