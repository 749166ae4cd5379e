"""Resources of kind MqttKafkaBridge for tests: a minimal one, and one with every field set."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.api.spec import API_VERSION, KIND
from mqtt_kafka_operator.render import Manifest, SecretVersion, Surroundings, objects, replicas
from mqtt_kafka_operator.translate import Translation, translate

UID = "6f1c1e0a-0000-4000-8000-000000000001"
IMAGE = "mqtt-kafka-bridge:test"
MINIMAL: dict[str, Any] = {
    "mqtt": {"servers": ["mqtt://broker:1883"]},
    "kafka": {"bootstrapServers": ["kafka:9092"]},
    "mqttToKafka": [
        {
            "name": "telemetry",
            "from": {"filter": "plant/{line}/telemetry"},
            "to": {"topic": "plant.telemetry"},
        }
    ],
}
OUTBOUND: dict[str, Any] = {
    "name": "commands",
    "from": {"topics": ["plant.commands"]},
    "to": {"topic": "plant/{key}/command"},
}
"""A mapping from Kafka."""


def secret_key(secret: str, key: str) -> dict[str, str]:
    """Return a reference to an entry of a Secret."""
    return {"secretName": secret, "key": key}


FULL: dict[str, Any] = {
    "replicas": 3,
    "paused": False,
    "mqtt": {
        "servers": ["mqtts://broker-0:8883", "mqtts://broker-1:8883"],
        "clientIdPrefix": "plant-eu",
        "authentication": {
            "type": "password",
            "username": "plant",
            "passwordSecret": secret_key("plant-mqtt", "password"),
        },
        "tls": {
            "trustedCertificates": [
                secret_key("authorities", "old.crt"),
                secret_key("authorities", "new.crt"),
            ],
            "serverName": "broker.example",
        },
        "sessionExpiry": "48h",
        "receiveMaximum": 1024,
        "keepAlive": "15s",
        "maximumPacketSize": 65536,
    },
    "kafka": {
        "bootstrapServers": ["kafka-0:9093", "kafka-1:9093"],
        "authentication": {
            "type": "scram-sha-512",
            "username": "plant",
            "passwordSecret": secret_key("plant-kafka", "password"),
        },
        "tls": {
            "trustedCertificates": [secret_key("kafka.authority", "ca.crt")],
            "serverName": "kafka.example",
        },
        "producer": {"compression": "lz4", "maxRequestBytes": 2_097_152},
        "consumer": {"groupPrefix": "plant-groups", "isolation": "ReadUncommitted"},
        "coordination": {
            "type": "Kafka",
            "topic": "plant.sessions",
            "replicationFactor": 2,
            "create": False,
        },
    },
    "mqttToKafka": [
        {
            "name": "telemetry",
            "from": {"filter": "plant/{line}/{device}/telemetry", "qos": 0, "retained": "Skip"},
            "to": {
                "topic": "plant.{line}",
                "key": "{device}",
                "partitioning": {"strategy": "ByKey"},
                "headers": {"line": "{line}"},
                "emptyPayload": "Tombstone",
            },
            "ordering": "None",
            "sessions": 4,
            "onError": "Stop",
        }
    ],
    "kafkaToMqtt": [
        {
            "name": "commands",
            "from": {"topics": ["plant.commands"], "startFrom": "Earliest"},
            "to": {
                "topic": "plant/{key}/command",
                "qos": 0,
                "retain": "FromHeader",
                "expiry": "1h",
                "tombstone": "Publish",
            },
            "onError": "Drop",
        }
    ],
    "deadLetter": {"topic": "plant.dead-letters"},
    "loopGuard": False,
    "limits": {"bytesInFlight": 67_108_864, "drain": "45s"},
    "autoscaling": {
        "minReplicas": 2,
        "maxReplicas": 8,
        "cpuUtilization": 250,
        "scaleDownStabilization": "10m",
    },
    "observability": {"podMonitor": True, "logLevel": "debug"},
    "template": {
        "metadata": {"labels": {"team": "plant"}, "annotations": {"example.com/note": "forwards"}},
        "serviceAccount": {
            "metadata": {"labels": {"team": "plant"}, "annotations": {"example.com/role": "bridge"}}
        },
        "spec": {
            "containers": [
                {
                    "name": "bridge",
                    "image": "registry.example/bridge:1",
                    "imagePullPolicy": "Always",
                    "resources": {"requests": {"cpu": 1}, "limits": {"memory": "1Gi"}},
                    "env": [
                        {"name": "TZ", "value": "UTC"},
                        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                    ],
                    "volumeMounts": [
                        {
                            "name": "notes",
                            "mountPath": "/notes",
                            "subPath": "bridge",
                            "readOnly": True,
                        }
                    ],
                    "securityContext": {"runAsUser": 10002},
                }
            ],
            "volumes": [{"name": "notes", "configMap": {"name": "notes"}}],
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "affinity": {"podAntiAffinity": {}},
            "tolerations": [
                {
                    "key": "dedicated",
                    "operator": "Equal",
                    "value": "bridges",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
            ],
            "topologySpreadConstraints": [
                {
                    "topologyKey": "topology.kubernetes.io/zone",
                    "maxSkew": 2,
                    "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"team": "plant"}},
                    "minDomains": 2,
                    "matchLabelKeys": ["pod-template-hash", "team"],
                    "nodeAffinityPolicy": "Honor",
                    "nodeTaintsPolicy": "Ignore",
                }
            ],
            "priorityClassName": "plant",
            "runtimeClassName": "gvisor",
            "schedulerName": "packing",
            "imagePullSecrets": [{"name": "registry"}],
            "securityContext": {"fsGroup": 10002},
            "terminationGracePeriodSeconds": 90,
        },
    },
}
"""Every field, none with its default unless it has no other value."""
FULL_ANNOTATIONS = {"mqttkafka.dev/restart": "1", "mqttkafka.dev/resume": "telemetry=2026-11-24"}


def resource(
    spec: Mapping[str, Any] = MINIMAL,
    *,
    name: str = "plant",
    generation: int = 1,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Return a resource as the API server has it."""
    metadata = {"name": name, "namespace": "factory", "uid": UID, "generation": generation}
    if annotations is not None:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": dict(spec)}


def bridge(
    spec: Mapping[str, Any] = MINIMAL,
    *,
    name: str = "plant",
    generation: int = 1,
    annotations: Mapping[str, str] | None = None,
    **changes: Any,  # noqa: ANN401 - a field of the spec may hold anything
) -> Bridge:
    """Return a bridge; `changes` are fields of its spec."""
    changed = {**spec, **changes}
    return Bridge.read(resource(changed, name=name, generation=generation, annotations=annotations))


def full_bridge() -> Bridge:
    """Return a bridge with every field set."""
    return bridge(FULL, generation=7, annotations=FULL_ANNOTATIONS)


def mapping(**changes: object) -> dict[str, Any]:
    """Return the mapping of MINIMAL with changes."""
    return {**MINIMAL["mqttToKafka"][0], **changes}


def around(
    translation: Translation, *, pod_monitors: bool = True, uids: str = "uid", **versions: str
) -> Surroundings:
    """Return surroundings in which every Secret is there; `versions` by name, default 1."""
    mounted = [*translation.secret_keys, "unrelated"]
    secrets = {
        name: SecretVersion(f"{uids}-of-{name}", versions.get(name.replace("-", "_"), "1"))
        for name in mounted
    }
    return Surroundings(bridge_image=IMAGE, pod_monitors=pod_monitors, secrets=secrets)


def rendered(made: Bridge, *, uids: str = "uid", **versions: str) -> dict[str, Manifest]:
    """Return what there should be for a bridge, by kind, in order."""
    translation = translate(made)
    surroundings = around(translation, pod_monitors=True, uids=uids, **versions)
    listed = objects(made, translation, surroundings, replicas(made.spec))
    return {found["kind"]: found for found in listed}


def fields(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """List every field of a model and of those within, as the paths by which they are written."""
    for name, info in model.model_fields.items():
        at = (*path, info.alias or name)
        yield at
        for inner in _models(info.annotation):
            yield from fields(inner, at)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {list, dict, UnionType, Annotated} or get_args(annotation):
        for argument in get_args(annotation):
            yield from _models(argument)


def given(data: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """List the paths of all that stands in plain data; the items of a list share one."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield (*path, str(key))
            yield from given(value, (*path, str(key)))
    elif isinstance(data, list):
        for item in data:
            yield from given(item, path)
