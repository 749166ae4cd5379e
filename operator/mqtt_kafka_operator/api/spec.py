"""`spec` of a `MqttKafkaBridge`: all that a user may ask for."""

from typing import Annotated

from pydantic import Field

from mqtt_kafka_operator.api.base import ApiModel, KafkaTopic
from mqtt_kafka_operator.api.connections import Kafka, Mqtt
from mqtt_kafka_operator.api.mappings import KafkaToMqtt, MqttToKafka
from mqtt_kafka_operator.api.rules import Rule, StoredDefault
from mqtt_kafka_operator.api.template import Template
from mqtt_kafka_operator.api.workload import Autoscaling, Limits, Observability

GROUP = "mqttkafka.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "MqttKafkaBridge"
PLURAL = "mqttkafkabridges"
SINGULAR = "mqttkafkabridge"
SHORT_NAME = "mkb"
CATEGORY = "mqttkafka"
LONGEST_NAME = 49
"""Of a bridge, in characters: `<name>-bridge-retire` is a Job, whose name is a label too."""


_ONE_POD = Rule(
    "!has(self.kafka.coordination) || !has(self.kafka.coordination.type) || "
    "self.kafka.coordination.type != 'None' || "
    "(!has(self.autoscaling) && (!has(self.replicas) || self.replicas <= 1))",
    "has type None, which is for one pod; write replicas: 1 and no autoscaling, or type: Kafka",
    ".kafka.coordination",
)
_NAMES = Rule(
    "!has(self.mqttToKafka) || !has(self.kafkaToMqtt) || "
    "self.kafkaToMqtt.all(b, !self.mqttToKafka.exists(a, a.name == b.name))",
    "has a name that stands in mqttToKafka too; give each mapping a name of its own, over both "
    "lists",
    ".kafkaToMqtt",
)


def _apart(section: str, given: str, words: str) -> Rule:
    """Return the rule that a topic of the bridge itself is no mapping's."""
    topic = f"self.{section}.topic"
    return Rule(
        f"{given} || !has({topic}) || ("
        f"(!has(self.mqttToKafka) || !self.mqttToKafka.exists(m, m.to.topic == {topic})) && "
        f"(!has(self.kafkaToMqtt) || !self.kafkaToMqtt.exists(m, {topic} in m.from.topics)))",
        f"is a mapping's topic too, and {words}; choose another",
        f".{section}.topic",
    )


class DeadLetter(ApiModel):
    """Where messages go that can't be forwarded."""

    topic: KafkaTopic | None = Field(
        default=None,
        description="The Kafka topic; created when allowed. Left out: "
        "`mqttkafka.<namespace>.<name>.dead-letters`.",
    )


class MqttKafkaBridgeSpec(ApiModel):
    """What the bridge connects, what it forwards, and how its pods are made."""

    rules = (
        _ONE_POD,
        _NAMES,
        _apart("deadLetter", "!has(self.deadLetter)", "only dead letters may be there"),
        _apart(
            "kafka.coordination",
            "!has(self.kafka.coordination)",
            "only what says where sessions run may be there",
        ),
        Rule(
            "!has(self.deadLetter) || !has(self.deadLetter.topic) || "
            "!has(self.kafka.coordination) || !has(self.kafka.coordination.topic) || "
            "self.deadLetter.topic != self.kafka.coordination.topic",
            "is the coordination topic too; choose another",
            ".deadLetter.topic",
        ),
    )
    replicas: Annotated[int, StoredDefault()] = Field(
        default=1,
        ge=0,
        le=100,
        description="Pods; with `autoscaling` leave it out, the autoscaler sets it. 0 is as "
        "`paused`.",
    )
    paused: bool = Field(
        default=False,
        description="True: no pods; sessions and offsets stay where they are, as long as "
        "`mqtt.sessionExpiry` lets the broker keep them.",
    )
    mqtt: Mqtt = Field(
        description="The MQTT broker.", examples=[{"servers": ["mqtt://broker:1883"]}]
    )
    kafka: Kafka = Field(
        description="The Kafka cluster.", examples=[{"bootstrapServers": ["kafka:9092"]}]
    )
    mqtt_to_kafka: list[MqttToKafka] = Field(
        default=[], max_length=100, description="Mappings from MQTT to Kafka."
    )
    kafka_to_mqtt: list[KafkaToMqtt] = Field(
        default=[], max_length=100, description="Mappings from Kafka to MQTT."
    )
    dead_letter: DeadLetter = Field(
        default=DeadLetter(), description="Where messages go that can't be forwarded."
    )
    loop_guard: bool = Field(
        default=True,
        description="Whether a message that has come through this bridge before is left out, so "
        "that nothing goes round for ever.",
    )
    limits: Limits = Field(default=Limits(), description="What bounds the process of a pod.")
    autoscaling: Autoscaling | None = Field(
        default=None, description="Let Kubernetes set `replicas` by the use of CPU."
    )
    observability: Observability = Field(
        default=Observability(), description="What the bridge shows of itself, and to whom."
    )
    template: Template = Field(
        default=Template(), description="A partial pod template, merged into the operator's."
    )
