"""The headless Service by which the metrics of all pods are found by name."""

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.metadata import Manifest, manifest
from mqtt_kafka_operator.translate import Translation


def service(bridge: Bridge, translation: Translation) -> Manifest:
    """Return the Service; pods that are not ready are in it, for their metrics say why."""
    port = {
        "name": names.HTTP_PORT,
        "port": translation.config.http.port,
        "targetPort": names.HTTP_PORT,
        "protocol": "TCP",
    }
    spec = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": names.selector(bridge.name),
        "ports": [port],
    }
    return manifest(bridge, names.SERVICE, spec=spec)
