"""Every label, annotation, path and name that the operator gives: the one page that lists them.

A bridge is named as its resource is; what belongs to it is named after it.
"""

from typing import NamedTuple

from mqtt_kafka_operator.api.spec import GROUP
from mqtt_kafka_operator.api.workload import CONFIG_DIRECTORY, RESERVED_VOLUME_PREFIX

FIELD_MANAGER = "mqtt-kafka-operator"
"""Under which the operator applies objects."""
FINALIZER = f"{GROUP}/sessions"
"""On a resource: its sessions are ended before it goes."""

# Labels. SELECTOR picks a bridge's pods, for ever: a Deployment's selector can't be changed.
SELECTOR = f"{GROUP}/bridge"
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
MANAGED_BY = "app.kubernetes.io/managed-by"
COMPONENT = "app.kubernetes.io/component"
APPLICATION = "mqtt-kafka-bridge"
"""Value of `NAME`."""
RETIRE = "retire"
"""Value of `COMPONENT` on what ends a bridge's sessions; nothing else has that label."""

# Annotations that users set on a resource.
MANAGEMENT_STATE = f"{GROUP}/management-state"
UNMANAGED = "Unmanaged"
"""The value of `MANAGEMENT_STATE` by which the operator keeps its hands off."""
RESTART = f"{GROUP}/restart"
"""Anything; another value rolls the pods. Copied to the pod template."""
RESUME = f"{GROUP}/resume"
"""`<mapping>=<token>[,...]`; a new token resumes a mapping that stopped. Copied as well."""
ALLOW_IDENTITY_CHANGE = f"{GROUP}/allow-identity-change"
"""A `metadata.generation`: that edit may name another broker, Kafka cluster or prefix, although
sessions and positions live at the old one."""

# Annotations of the pod template, beside `RESTART` and `RESUME`: a new value of any rolls the pods.
CONFIG_HASH = f"{GROUP}/config-hash"
"""Of the configuration file."""
CONFIG_GENERATION = f"{GROUP}/config-generation"
"""`generation` in that file; the operator reads it back, see `translate.generation`."""
SECRETS_HASH = f"{GROUP}/secrets-hash"
"""Of uid and resourceVersion of each Secret that is mounted; of no secret itself."""

# In the pods. Names of our volumes begin with the prefix that users may not use.
VOLUME = f"{RESERVED_VOLUME_PREFIX}config"
CONFIG_KEY = "bridge.yaml"
"""In the ConfigMap."""
CONFIG_FILE = f"{CONFIG_DIRECTORY}/{CONFIG_KEY}"
SECRETS_FOLDER = "secrets"
"""Below the directory of the configuration."""
HTTP_PORT = "http"
"""Name of the port of probes, status and metrics."""


class Child(NamedTuple):
    """A kind of object that belongs to a bridge."""

    api_version: str
    kind: str
    plural: str


SERVICE_ACCOUNT = Child("v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAP = Child("v1", "ConfigMap", "configmaps")
SERVICE = Child("v1", "Service", "services")
POD_DISRUPTION_BUDGET = Child("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
DEPLOYMENT = Child("apps/v1", "Deployment", "deployments")
HORIZONTAL_POD_AUTOSCALER = Child(
    "autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"
)
POD_MONITOR = Child("monitoring.coreos.com/v1", "PodMonitor", "podmonitors")
JOB = Child("batch/v1", "Job", "jobs")
CHILDREN = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    SERVICE,
    POD_DISRUPTION_BUDGET,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    POD_MONITOR,
)
"""What a bridge may have while it is there, in order of application; all are named alike. Of these,
what is there and is not wanted is deleted. A Job comes when the bridge goes."""


def child(bridge: str) -> str:
    """Return the name of everything that belongs to a bridge, but for the Job."""
    return f"{bridge}-bridge"


def retire_job(bridge: str) -> str:
    """Return the name of the Job that ends a bridge's sessions."""
    return f"{bridge}-bridge-{RETIRE}"


def selector(bridge: str) -> dict[str, str]:
    """Return the labels by which a bridge's pods are found."""
    return {SELECTOR: bridge}


def labels(bridge: str) -> dict[str, str]:
    """Return the labels of everything that belongs to a bridge, its pods included."""
    return {
        NAME: APPLICATION,
        INSTANCE: bridge,
        MANAGED_BY: FIELD_MANAGER,
        **selector(bridge),
    }


def secret_path(secret: str, key: str) -> str:
    """Return where an entry of a Secret is, below the directory of the configuration."""
    return f"{SECRETS_FOLDER}/{secret}/{key}"


def secret_file(secret: str, key: str) -> str:
    """Return the file in the pods that holds an entry of a Secret."""
    return f"{CONFIG_DIRECTORY}/{secret_path(secret, key)}"
