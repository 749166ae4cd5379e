"""The API server: the calls, and what is known without asking. The only importer of its library."""

from mqtt_kafka_operator.cluster.calls import Cluster
from mqtt_kafka_operator.cluster.comparing import is_as_wanted, marked
from mqtt_kafka_operator.cluster.kinds import BRIDGE, EVENT, OWNED, POD, SECRET, Key, Kind, Manifest
from mqtt_kafka_operator.cluster.mirror import Mirror
from mqtt_kafka_operator.cluster.refusals import MissingRightError, NamespaceGoesError
from mqtt_kafka_operator.cluster.secrets import KnownSecrets, SecretFacts
from mqtt_kafka_operator.cluster.session import connect, server, watching_session

__all__ = [
    "BRIDGE",
    "EVENT",
    "OWNED",
    "POD",
    "SECRET",
    "Cluster",
    "Key",
    "Kind",
    "KnownSecrets",
    "Manifest",
    "Mirror",
    "MissingRightError",
    "NamespaceGoesError",
    "SecretFacts",
    "connect",
    "is_as_wanted",
    "marked",
    "server",
    "watching_session",
]
