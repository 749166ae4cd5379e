"""The PodDisruptionBudget: nodes are emptied one pod of a bridge at a time."""

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.metadata import Manifest, manifest


def pod_disruption_budget(bridge: Bridge) -> Manifest:
    """Return the PodDisruptionBudget.

    It counts pods that may be away and not pods that must be there, so that a single pod can be
    moved, too. A pod that is not ready, as all are while a broker is down, never holds up a node.
    """
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": names.selector(bridge.name)},
    }
    return manifest(bridge, names.POD_DISRUPTION_BUDGET, spec=spec)
