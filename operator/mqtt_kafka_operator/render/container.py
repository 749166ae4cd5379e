"""The bridge's container."""

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.workload import BRIDGE_CONTAINER, CONFIG_DIRECTORY
from mqtt_kafka_operator.render.memory import MIB, memory_limit, memory_request
from mqtt_kafka_operator.render.metadata import Manifest
from mqtt_kafka_operator.translate import Translation

_CPU_REQUEST = "250m"
"""What an autoscaler's percentage is of: a few thousand messages a second, or fifty thousand in a
flood. There is no limit: one event loop can't use more than a core, and a throttled one would come
too late for its keep-alive and its lease."""


def container(translation: Translation, image: str) -> Manifest:
    """Return the container of an image."""
    return {
        "name": BRIDGE_CONTAINER,
        "image": image,
        "args": ["run", names.CONFIG_FILE],
        "ports": [
            {
                "name": names.HTTP_PORT,
                "containerPort": translation.config.http.port,
                "protocol": "TCP",
            }
        ],
        **_probes(),
        "resources": _resources(translation),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": names.VOLUME, "mountPath": CONFIG_DIRECTORY, "readOnly": True}],
    }


def _probes() -> Manifest:
    """Return the probes: a minute to start, half a minute of no answer to be dead.

    An unready pod loses nothing but its place in a roll-out: whoever is asked here does not serve.
    """
    return {
        "startupProbe": _probe("/livez", period=1, timeout=1, failures=60),
        "livenessProbe": _probe("/livez", period=10, timeout=5, failures=3),
        "readinessProbe": _probe("/readyz", period=3, timeout=3, failures=2),
    }


def _probe(path: str, *, period: int, timeout: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": names.HTTP_PORT},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _resources(translation: Translation) -> Manifest:
    return {
        "requests": {
            "cpu": _CPU_REQUEST,
            "memory": f"{memory_request(translation.config) // MIB}Mi",
        },
        "limits": {"memory": f"{memory_limit(translation.config) // MIB}Mi"},
    }
