"""The mappings: which messages go where, in both directions."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from mqtt_kafka_bridge.contract.base import Contract, Duration, KafkaTopic, Name, format_duration

Template = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Filter = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
OnError = Literal["DeadLetter", "Drop", "Stop"]
RESUME_TOKEN_PATTERN = r"^[0-9a-zA-Z._:+-]{1,64}$"  # noqa: S105 - a pattern, no secret


class MqttSource(Contract):
    """What a mapping subscribes to."""

    filter: Filter = Field(
        examples=["plant/{line}/{device}/telemetry"],
        description="An MQTT topic filter; {x} is a named +, {x...} a named #; + and # work too.",
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

    topic: Template = Field(
        description="Template; a level is escaped reversibly for Kafka.",
        examples=["plant.telemetry"],
    )
    key: Template = Field(default="{mqtt.topic}", description="Template; default the MQTT topic.")
    partitioning: Partitioning = Partitioning()
    headers: dict[Annotated[str, StringConstraints(min_length=1, max_length=249)], Template] = (
        Field(default={}, max_length=50, description="Further headers: name to template.")
    )
    empty_payload: Literal["Empty", "Tombstone", "Skip"] = "Empty"


class MqttToKafka(Contract):
    """A mapping from MQTT to Kafka."""

    name: Name = Field(examples=["telemetry"], description="Unique over both lists.")
    from_: MqttSource = Field(
        alias="from", examples=[{"filter": "plant/{line}/{device}/telemetry"}]
    )
    to: KafkaTarget = Field(examples=[{"topic": "plant.telemetry", "key": "{device}"}])
    ordering: Literal["PerKey", "None"] = Field(
        default="PerKey",
        description="PerKey: one session, and messages of a key stay in order. None: `sessions` "
        "members of a shared subscription; messages of a key may overtake each other.",
    )
    sessions: int = Field(
        default=1, ge=1, le=64, description="MQTT sessions; more than 1 needs ordering None."
    )
    on_error: OnError = "DeadLetter"
    resume_token: Annotated[str, StringConstraints(pattern=RESUME_TOKEN_PATTERN)] | None = Field(
        default=None,
        description="Any word, such as a date. A new one resumes a mapping that `onError: Stop` "
        "stopped.",
    )


class KafkaSource(Contract):
    """What a mapping consumes."""

    topics: list[KafkaTopic] = Field(min_length=1, max_length=100, examples=[["plant.commands"]])
    start_from: Literal["Earliest", "Latest"] = Field(
        default="Latest", description="Where a group without commits begins; resolved once."
    )


class MqttTarget(Contract):
    """What a record becomes on MQTT."""

    topic: Template = Field(
        description="Template: {key}, {header.NAME}, {kafka.topic}, {payload.PATH} and so on.",
        examples=["plant/{key}/command"],
    )
    qos: Literal[0, 1] = 1
    retain: Literal["Never", "Always", "FromHeader"] = "Never"
    expiry: Duration | None = Field(
        default=None, description="Message expiry, counted from the record's timestamp."
    )
    tombstone: Literal["Skip", "Publish"] = "Skip"

    @field_validator("expiry")
    @classmethod
    def _fits_mqtt(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and not 1 <= value.total_seconds() < 2**32:
            raise ValueError(f"is {format_duration(value)}; write 1s or more, such as 1h")
        return value


class KafkaToMqtt(Contract):
    """A mapping from Kafka to MQTT."""

    name: Name = Field(examples=["commands"], description="Unique over both lists.")
    from_: KafkaSource = Field(alias="from", examples=[{"topics": ["plant.commands"]}])
    to: MqttTarget = Field(examples=[{"topic": "plant/{key}/command"}])
    on_error: OnError = "DeadLetter"
