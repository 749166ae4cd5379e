"""`BridgeConfig`: the one file that a bridge reads, written by the operator or by hand."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mqtt_kafka_bridge.contract.base import Contract, Duration, KafkaTopic, Name
from mqtt_kafka_bridge.contract.connection import DeadLetter, Kafka, Mqtt
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt, MqttToKafka

VERSION = 1
"""Version of this contract. A bridge refuses any other."""
POD_PATTERN = r"^[0-9a-zA-Z._-]{1,253}$"


class Http(Contract):
    """Where probes, status and metrics are served."""

    host: str = Field(default="0.0.0.0", min_length=1, max_length=253)  # noqa: S104 - a pod's probes
    port: int = Field(default=8080, ge=0, le=65535, description="0 takes any free port.")


class Log(Contract):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = Field(default="json", description="json: ECS, one a line.")


class Limits(Contract):
    """What bounds the process."""

    bytes_in_flight: int = Field(
        default=25_165_824,
        ge=1_048_576,
        description="Most bytes of unacknowledged messages, all mappings together, counted as "
        "payload + topic + the cost of the objects. Above it no socket is read.",
    )
    drain: Duration = Field(
        default=timedelta(seconds=20), description="Longest wait for a clean stop; then exit 3."
    )


class BridgeConfig(Contract):
    """The whole configuration of one bridge."""

    version: Literal[1] = Field(description="Version of the contract; 1.", examples=[VERSION])
    name: Name = Field(
        description="The bridge's name: label of metrics, part of client ids.", examples=["plant"]
    )
    namespace: Name = Field(default="local", description="Its Kubernetes namespace.")
    generation: int = Field(default=1, ge=1, description="Raised by each change of this file.")
    pod: Annotated[str, StringConstraints(pattern=POD_PATTERN)] | None = Field(
        default=None, description="Name of this process among its like; default: the host's name."
    )
    mqtt: Mqtt = Field(examples=[{"servers": ["mqtt://broker:1883"]}])
    kafka: Kafka = Field(examples=[{"bootstrapServers": ["kafka:9092"]}])
    mqtt_to_kafka: list[MqttToKafka] = Field(default=[], max_length=100)
    kafka_to_mqtt: list[KafkaToMqtt] = Field(default=[], max_length=100)
    dead_letter: DeadLetter = DeadLetter()
    loop_guard: bool = True
    limits: Limits = Limits()
    http: Http = Http()
    log: Log = Log()

    @property
    def identity(self) -> str:
        """`<namespace>/<name>`, as it stands in the `bridge.path` header."""
        return f"{self.namespace}/{self.name}"

    @property
    def client_id_prefix(self) -> str:
        """Prefix of every client id at the MQTT broker."""
        return self.mqtt.client_id_prefix or f"{self.namespace}.{self.name}"

    @property
    def group_prefix(self) -> str:
        """Prefix of every consumer group."""
        return self.kafka.consumer.group_prefix or f"{self.namespace}.{self.name}"

    @property
    def dead_letter_topic(self) -> KafkaTopic:
        """The topic for messages that can't be forwarded."""
        return self.dead_letter.topic or f"mqttkafka.{self.namespace}.{self.name}.dead-letters"

    @property
    def coordination_topic(self) -> KafkaTopic:
        """The topic that says where each session runs."""
        return self.kafka.coordination.topic or f"mqttkafka.{self.namespace}.{self.name}.sessions"

    @property
    def sessions_group(self) -> str:
        """The consumer group whose members share the sessions; no mapping's name begins with _."""
        return f"{self.group_prefix}._sessions"
