"""The Deployment of the pods, and how they are replaced."""

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.metadata import Manifest, manifest
from mqtt_kafka_operator.translate import Translation

_REVISIONS = 2
"""An old ReplicaSet is of no use: its configuration file is the new one's."""


def deployment(
    bridge: Bridge, translation: Translation, template: Manifest, replicas: int
) -> Manifest:
    """Return the Deployment of a pod template."""
    spec = {
        "replicas": replicas,
        "revisionHistoryLimit": _REVISIONS,
        "selector": {"matchLabels": names.selector(bridge.name)},
        "strategy": _strategy(translation.config),
        "template": template,
    }
    return manifest(bridge, names.DEPLOYMENT, spec=spec)


def _strategy(config: BridgeConfig) -> Manifest:
    """Return how pods are replaced: the new one first, one at a time.

    A pod that comes takes its share of the sessions over, one that goes hands its share on; so one
    at a time moves the least at once, there are never fewer than asked for, and a new configuration
    with which pods don't become ready stops there. Two pods without coordination would take each
    other's sessions, so there the old one goes first; also where there is no mapping, for then no
    new pod ever becomes ready, and the old ones would forward what was removed.
    """
    alone = config.kafka.coordination.type == "None"
    if alone or not (config.mqtt_to_kafka or config.kafka_to_mqtt):
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
