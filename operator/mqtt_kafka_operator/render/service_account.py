"""The ServiceAccount of the pods: who they are to a cloud; they ask Kubernetes nothing."""

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render.metadata import Manifest, manifest


def service_account(bridge: Bridge) -> Manifest:
    """Return the ServiceAccount, without a token in the pods."""
    added = bridge.spec.template.service_account.metadata
    return manifest(
        bridge,
        names.SERVICE_ACCOUNT,
        labels=added.labels,
        annotations=added.annotations,
        automountServiceAccountToken=False,
    )
