"""How long a pod may take to end, which has to be longer than the bridge's own clean stop."""

import math
from collections.abc import Iterator

from mqtt_kafka_bridge.contract.base import format_duration
from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_operator.api import MqttKafkaBridgeSpec

MARGIN_SECONDS = 10
"""After `limits.drain`: consumers leave their groups within 5 s, the HTTP port closes within 1 s,
and the process has to be told and to end."""


def grace_seconds(spec: MqttKafkaBridgeSpec) -> int:
    """Return how long Kubernetes has to wait before it kills a pod that was asked to end."""
    return math.ceil(spec.limits.drain.total_seconds()) + MARGIN_SECONDS


def grace_mistakes(spec: MqttKafkaBridgeSpec) -> Iterator[Mistake]:
    """Find a grace period in the template in which a pod can't end cleanly."""
    chosen = spec.template.spec.termination_grace_period_seconds
    if chosen is not None and chosen < grace_seconds(spec):
        yield Mistake(
            ("spec", "template", "spec", "terminationGracePeriodSeconds"),
            f"is {chosen}, and a clean stop may take {format_duration(spec.limits.drain)} "
            f"(limits.drain) and {MARGIN_SECONDS}s",
            f"write {grace_seconds(spec)} or more, or lower limits.drain",
        )
