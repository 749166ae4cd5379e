"""The API: `MqttKafkaBridge` in group `mqttkafka.dev`, version `v1alpha1`, as pydantic models.

They are its only source: the CRD, its copy in the chart and the reference page are generated from
them. `Field(description=…)` is the API's text, `rules` are the CEL rules of the CRD.
"""

from mqtt_kafka_operator.api.conditions import ConditionType, OperatorReason
from mqtt_kafka_operator.api.spec import MqttKafkaBridgeSpec
from mqtt_kafka_operator.api.status import Condition, MqttKafkaBridgeStatus

__all__ = [
    "Condition",
    "ConditionType",
    "MqttKafkaBridgeSpec",
    "MqttKafkaBridgeStatus",
    "OperatorReason",
]
