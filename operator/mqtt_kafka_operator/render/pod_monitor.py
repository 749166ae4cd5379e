"""The PodMonitor by which the Prometheus operator finds the metrics of the pods."""

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.metadata import Manifest, manifest


def pod_monitor(bridge: Bridge) -> Manifest:
    """Return the PodMonitor; how often is asked is left to Prometheus."""
    spec = {
        "selector": {"matchLabels": names.selector(bridge.name)},
        "podMetricsEndpoints": [{"port": names.HTTP_PORT, "path": "/metrics"}],
    }
    return manifest(bridge, names.POD_MONITOR, spec=spec)
