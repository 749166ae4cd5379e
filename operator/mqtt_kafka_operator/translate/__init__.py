"""From a resource to what its pods need: the bridge's configuration and the Secrets it refers to.

Pure: no input or output, no clock. `reconcile` calls it, and `mqtt-kafka check`.
"""

from mqtt_kafka_operator.translate.configuration import SecretReference
from mqtt_kafka_operator.translate.generation import Running
from mqtt_kafka_operator.translate.translation import Translation, translate

__all__ = ["Running", "SecretReference", "Translation", "translate"]
