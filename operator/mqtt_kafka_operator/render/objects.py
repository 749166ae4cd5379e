"""All objects that a bridge should have, in order of application."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mqtt_kafka_operator.api import MqttKafkaBridgeSpec
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.config_map import config_map
from mqtt_kafka_operator.render.deployment import deployment
from mqtt_kafka_operator.render.horizontal_pod_autoscaler import horizontal_pod_autoscaler
from mqtt_kafka_operator.render.metadata import Manifest
from mqtt_kafka_operator.render.pod_disruption_budget import pod_disruption_budget
from mqtt_kafka_operator.render.pod_monitor import pod_monitor
from mqtt_kafka_operator.render.pod_template import SecretVersion, pod_template
from mqtt_kafka_operator.render.service import service
from mqtt_kafka_operator.render.service_account import service_account
from mqtt_kafka_operator.translate import Translation


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else than the resource decides what there should be."""

    bridge_image: str
    pod_monitors: bool
    """Whether this cluster knows PodMonitors."""
    secrets: Mapping[str, SecretVersion]
    """By name, at least every Secret of the translation."""


def replicas(spec: MqttKafkaBridgeSpec) -> int:
    """Return how many pods there should be."""
    return 0 if spec.paused else spec.replicas


def objects(
    bridge: Bridge, translation: Translation, around: Surroundings, replicas: int
) -> Iterator[Manifest]:
    """List what there should be: what others refer to comes before them.

    Args:
        bridge: the resource.
        translation: what its pods are told.
        around: what else decides.
        replicas: how many pods; 0 also while the bridge is being deleted.
    """
    yield service_account(bridge)
    yield config_map(bridge, translation)
    yield service(bridge, translation)
    yield pod_disruption_budget(bridge)
    template = pod_template(bridge, translation, around.secrets, around.bridge_image)
    yield deployment(bridge, translation, template, replicas)
    autoscaling = bridge.spec.autoscaling
    if autoscaling is not None and replicas:
        # Without pods it would only complain that it can't measure any.
        yield horizontal_pod_autoscaler(bridge, autoscaling)
    if bridge.spec.observability.pod_monitor and around.pod_monitors:
        yield pod_monitor(bridge)
