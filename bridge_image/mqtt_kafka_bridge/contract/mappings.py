"""The mappings: which messages go where, in both directions."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mqtt_kafka_bridge.contract.base import Contract, Duration, KafkaTopic, Name

Template = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Filter = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
OnError = Literal["DeadLetter", "Drop", "Stop"]


class MqttSource(Contract):
    """What a mapping subscribes to."""

    filter: Filter = Field(
        description="An MQTT topic filter; {x} is a named +, {x...} a named #; + and # work too."
    )
    qos: Literal[0, 1] = 1
    retained: Literal["Include", "Skip", "Only"] = "Include"


class Partitioning(Contract):
    """How a record's partition is chosen."""

    strategy: Literal["ByKey"] = Field(
        default="ByKey", description="ByKey: murmur2 of the key, as Java producers do."
    )


class KafkaTarget(Contract):
    """What a message becomes in Kafka."""

    topic: Template = Field(description="Template; a level is escaped reversibly for Kafka.")
    key: Template = Field(default="{mqtt.topic}", description="Template; default the MQTT topic.")
    partitioning: Partitioning = Partitioning()
    headers: dict[Annotated[str, StringConstraints(min_length=1, max_length=249)], Template] = (
        Field(default={}, max_length=50, description="Further headers: name to template.")
    )
    empty_payload: Literal["Empty", "Tombstone", "Skip"] = "Empty"


class MqttToKafka(Contract):
    """A mapping from MQTT to Kafka."""

    name: Name
    from_: MqttSource = Field(alias="from")
    to: KafkaTarget
    on_error: OnError = "DeadLetter"


class KafkaSource(Contract):
    """What a mapping consumes."""

    topics: list[KafkaTopic] = Field(min_length=1, max_length=100)
    start_from: Literal["Earliest", "Latest"] = Field(
        default="Latest", description="Where a group without commits begins; resolved once."
    )


class MqttTarget(Contract):
    """What a record becomes on MQTT."""

    topic: Template
    qos: Literal[0, 1] = 1
    retain: Literal["Never", "Always", "FromHeader"] = "Never"
    expiry: Duration | None = Field(
        default=None, description="Message expiry, counted from the record's timestamp."
    )
    tombstone: Literal["Skip", "Publish"] = "Skip"


class KafkaToMqtt(Contract):
    """A mapping from Kafka to MQTT."""

    name: Name
    from_: KafkaSource = Field(alias="from")
    to: MqttTarget
    on_error: OnError = "DeadLetter"
