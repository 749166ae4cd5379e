"""The mappings as users write them: which messages go where, in both directions."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mqtt_kafka_bridge.contract import mappings as contract
from mqtt_kafka_operator.api.base import ApiModel, Duration, KafkaTopic, Name
from mqtt_kafka_operator.api.rules import Rule, between

HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=249)]
ON_ERROR = (
    "What becomes of a message that can't be forwarded. DeadLetter: it goes to the dead-letter "
    "topic, with the reason. Drop: it is counted and forgotten. Stop: this mapping stops until the "
    "annotation `mqttkafka.dev/resume: <mapping>=<any new word>` is set."
)


class MqttSource(ApiModel):
    """What a mapping subscribes to."""

    filter: contract.Filter = Field(
        description="An MQTT topic filter. {x} is a + with a name, {x...} a # with a name; "
        "+ and # work too.",
        examples=["plant/{line}/{device}/telemetry"],
    )
    qos: Literal[0, 1] = Field(
        default=1,
        description="1: nothing is lost. 0: what the broker does not deliver is gone, and "
        "`DataLossRisk` says so.",
    )
    retained: Literal["Include", "Skip", "Only"] = Field(
        default="Include",
        description="What becomes of messages that were retained before the subscription. "
        "Only: nothing else is forwarded.",
    )


class Partitioning(ApiModel):
    """How a record's partition is chosen."""

    strategy: Literal["ByKey"] = Field(
        default="ByKey", description="ByKey: murmur2 of the key, as Java producers do."
    )


class KafkaTarget(ApiModel):
    """What a message becomes in Kafka."""

    topic: contract.Template = Field(
        description="Template of the topic: a name of the filter as {line}, the MQTT topic as "
        "{mqtt.topic}. Levels are escaped for Kafka, reversibly.",
        examples=["plant.telemetry"],
    )
    key: contract.Template = Field(
        default="{mqtt.topic}",
        description="Template of the key. Messages of one key stay in order.",
    )
    partitioning: Partitioning = Field(
        default=Partitioning(), description="How a record's partition is chosen."
    )
    headers: dict[HeaderName, contract.Template] = Field(
        default={}, max_length=50, description="Further headers: name to template."
    )
    empty_payload: Literal["Empty", "Tombstone", "Skip"] = Field(
        default="Empty",
        description="What a message without payload becomes: a record with an empty value, one "
        "with a null value, or none.",
    )


class MqttToKafka(ApiModel):
    """A mapping from MQTT to Kafka."""

    rules = (
        Rule(
            "!has(self.sessions) || self.sessions == 1 || "
            "(has(self.ordering) && self.ordering == 'None')",
            "is above 1, and with ordering PerKey there is one session; write 1, or ordering: None "
            "if messages of a key may overtake each other",
            ".sessions",
        ),
        Rule(
            "!has(self.ordering) || self.ordering != 'None' || "
            "!has(self.from.retained) || self.from.retained != 'Only'",
            "is Only, and with ordering None none come: brokers send no retained messages to "
            "shared subscriptions; write ordering: PerKey, or retained: Skip",
            ".from.retained",
        ),
    )
    name: Name = Field(
        description="Unique over both lists; label of metrics, header of records.",
        examples=["telemetry"],
    )
    from_: MqttSource = Field(
        alias="from",
        description="What it subscribes to.",
        examples=[{"filter": "plant/{line}/{device}/telemetry"}],
    )
    to: KafkaTarget = Field(
        description="What a message becomes in Kafka.",
        examples=[{"topic": "plant.telemetry", "key": "{device}"}],
    )
    ordering: Literal["PerKey", "None"] = Field(
        default="PerKey",
        description="PerKey: one session, and messages of a key stay in order. None: `sessions` "
        "members of a shared subscription; messages of a key may overtake each other.",
    )
    sessions: int = Field(
        default=1, ge=1, le=64, description="MQTT sessions; more than 1 needs ordering None."
    )
    on_error: contract.OnError = Field(default="DeadLetter", description=ON_ERROR)


class KafkaSource(ApiModel):
    """What a mapping consumes."""

    topics: list[KafkaTopic] = Field(
        min_length=1,
        max_length=100,
        description="Names of the topics.",
        examples=[["plant.commands"]],
    )
    start_from: Literal["Earliest", "Latest"] = Field(
        default="Latest",
        description="Where the mapping begins when it has no committed offset; resolved once.",
    )


class MqttTarget(ApiModel):
    """What a record becomes on MQTT."""

    topic: contract.Template = Field(
        description="Template of the topic: {key}, {header.NAME}, {kafka.topic}, {payload.PATH} "
        "and so on.",
        examples=["plant/{key}/command"],
    )
    qos: Literal[0, 1] = Field(
        default=1, description="1: an offset is committed when the broker has the message."
    )
    retain: Literal["Never", "Always", "FromHeader"] = Field(
        default="Never",
        description="Whether the broker keeps the message as the topic's last. FromHeader: as the "
        "header `mqtt.retain` says.",
    )
    expiry: (
        Annotated[
            Duration,
            between(
                "1s",
                "4294967295s",
                "is no expiry that MQTT can say; write 1s or more, such as 1h",
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="How long the message is of use, counted from the record's timestamp; 1s or "
        "more. Left out: for ever.",
    )
    tombstone: Literal["Skip", "Publish"] = Field(
        default="Skip",
        description="What a record with a null value becomes: nothing, or a message without "
        "payload.",
    )


class KafkaToMqtt(ApiModel):
    """A mapping from Kafka to MQTT."""

    name: Name = Field(
        description="Unique over both lists; label of metrics, part of the consumer group.",
        examples=["commands"],
    )
    from_: KafkaSource = Field(
        alias="from", description="What it consumes.", examples=[{"topics": ["plant.commands"]}]
    )
    to: MqttTarget = Field(
        description="What a record becomes on MQTT.", examples=[{"topic": "plant/{key}/command"}]
    )
    on_error: contract.OnError = Field(default="DeadLetter", description=ON_ERROR)
