"""The ConfigMap: the configuration file of the pods. There is no secret in it, only paths."""

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.metadata import Manifest, manifest
from mqtt_kafka_operator.translate import Translation


def config_map(bridge: Bridge, translation: Translation) -> Manifest:
    """Return the ConfigMap."""
    return manifest(bridge, names.CONFIG_MAP, data={names.CONFIG_KEY: translation.file})
