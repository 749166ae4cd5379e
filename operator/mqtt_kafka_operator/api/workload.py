"""How a bridge is run: autoscaling, observability, limits; and what in its pods is ours."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from mqtt_kafka_operator.api.base import ApiModel, Duration
from mqtt_kafka_operator.api.rules import Rule, between

BRIDGE_CONTAINER = "bridge"
"""Name of the bridge's container in its pods."""
RESERVED_VOLUME_PREFIX = "bridge-"
"""Names of the volumes that the operator adds begin so."""
CONFIG_DIRECTORY = "/etc/mqtt-kafka-bridge"
"""Everything below is mounted by the operator."""
OWN_LABELS = (
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "mqttkafka.dev/bridge",
)
"""Labels of the pods that the operator sets, and finds them by."""
OWN_ANNOTATIONS = (
    "mqttkafka.dev/config-hash",
    "mqttkafka.dev/config-generation",
    "mqttkafka.dev/secrets-hash",
    "mqttkafka.dev/restart",
)
"""Annotations of the pods that the operator sets."""


class Autoscaling(ApiModel):
    """A HorizontalPodAutoscaler that sets `replicas` by the CPU that the bridge uses."""

    rules = (
        Rule(
            "!has(self.minReplicas) || self.minReplicas <= self.maxReplicas",
            "is above maxReplicas; write maxReplicas or less",
            ".minReplicas",
        ),
    )
    min_replicas: int = Field(default=1, ge=1, le=100, description="Fewest pods.")
    max_replicas: int = Field(ge=1, le=100, description="Most pods.", examples=[4])
    cpu_utilization: int = Field(
        default=70,
        ge=1,
        le=1000,
        description="Percent of the requested CPU that the pods shall use on average.",
    )
    scale_down_stabilization: Annotated[
        Duration,
        between(
            "0s",
            "1h",
            "is no time that an autoscaler waits; write whole seconds, at most 1h",
            whole_seconds=True,
        ),
    ] = Field(
        default=timedelta(minutes=5),
        description="How long less must be enough before pods are taken away; whole seconds, at "
        "most 1h.",
    )


class Observability(ApiModel):
    """What the bridge shows of itself, and to whom."""

    pod_monitor: bool = Field(
        default=False,
        description="Whether to make a PodMonitor for the Prometheus operator, where that is "
        "installed.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )


class Limits(ApiModel):
    """What bounds the process of a bridge."""

    bytes_in_flight: int = Field(
        default=25_165_824,
        ge=1_048_576,
        le=68_719_476_736,
        description="Most bytes of unacknowledged messages in a pod, all mappings together; above "
        "it no socket is read. The memory limit of the container follows it, unless `template` "
        "sets one.",
    )
    drain: Annotated[
        Duration, between("1s", "1h", "is no time for a clean stop; write 1s to 1h, such as 20s")
    ] = Field(
        default=timedelta(seconds=20),
        description="Longest time for a clean stop, at most 1h; the pod's grace period follows it.",
    )
