"""From a bridge and its translation to Kubernetes objects, as plain data.

Pure: one module an object, each named by it. An object says what is ours and nothing else: no
empty value, no null, nothing that the API server would write otherwise, so that applying it again
changes nothing.
"""

from mqtt_kafka_operator.render.metadata import Manifest
from mqtt_kafka_operator.render.objects import Surroundings, objects, replicas
from mqtt_kafka_operator.render.pod_template import SecretVersion
from mqtt_kafka_operator.render.retire_job import retire_job

__all__ = ["Manifest", "SecretVersion", "Surroundings", "objects", "replicas", "retire_job"]
