"""The two ends of a bridge as users write them: with Secrets where the bridge has files."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mqtt_kafka_bridge.contract.connection import PREFIX_PATTERN
from mqtt_kafka_bridge.contract.sentences import PATTERN_CURES
from mqtt_kafka_operator.api.base import ApiModel, Duration, KafkaTopic, SecretKey
from mqtt_kafka_operator.api.rules import Matching, Rule, between

_HOST = r"(\[[0-9a-fA-F:.]+\]|[0-9a-zA-Z._-]+)"
_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
MqttServer = Annotated[
    str,
    StringConstraints(max_length=280),
    Matching(
        rf"^mqtts?://{_HOST}(:{_PORT})?$",
        "write mqtt://host:1883, or mqtts://host:8883 for TLS, with a port from 1 to 65535",
    ),
]
KafkaServer = Annotated[
    str,
    StringConstraints(max_length=280),
    Matching(
        rf"^{_HOST}:{_PORT}$", "write host:port, such as kafka:9092, with a port from 1 to 65535"
    ),
]
Prefix = Annotated[
    str,
    StringConstraints(max_length=128),
    Matching(PREFIX_PATTERN, PATTERN_CURES[PREFIX_PATTERN]),
]
NO_TWO_ALIKE = Rule(
    "self.all(a, self.exists_one(b, a == b))", "names a server twice; remove one of the two"
)


class Tls(ApiModel):
    """How to trust the other end of a TLS connection."""

    trusted_certificates: list[SecretKey] = Field(
        default=[],
        max_length=16,
        description="Authorities to trust, each the PEM text under one key of a Secret; several, "
        "so that an authority can be replaced without a gap. Left out: the authorities of the "
        "bridge's image.",
        examples=[[{"secretName": "iot-ca", "key": "ca.crt"}]],
    )
    server_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="The name asked for by SNI and checked in the certificate. Left out: the host "
        "of the server.",
    )


class MqttAuthentication(ApiModel):
    """How the bridge logs in to the MQTT broker."""

    type: Literal["password"] = Field(
        description="password: user name and password, sent in CONNECT.", examples=["password"]
    )
    username: str = Field(
        min_length=1, max_length=1024, description="User name.", examples=["plant"]
    )
    password_secret: SecretKey = Field(
        description="Where the password is; a new one is used without an edit here.",
        examples=[{"secretName": "plant-mqtt", "key": "password"}],
    )


class Mqtt(ApiModel):
    """The MQTT broker, or the nodes of one cluster of brokers."""

    rules = (
        Rule(
            "self.servers.all(s, s.matches('^mqtts:')) || "
            "!self.servers.exists(s, s.matches('^mqtts:'))",
            "mixes mqtt:// and mqtts:// servers; use one of the two for all",
            ".servers",
        ),
        Rule(
            "!has(self.tls) || self.servers.exists(s, s.matches('^mqtts:'))",
            "stands here, but no server is mqtts://; write mqtts:// in servers, or remove tls",
            ".tls",
        ),
    )
    servers: Annotated[list[MqttServer], NO_TWO_ALIKE] = Field(
        min_length=1,
        max_length=16,
        description="mqtt://host[:1883], or mqtts://host[:8883] for TLS; tried in order, then "
        "again, with jittered back-off. All must be nodes of one cluster.",
        examples=[["mqtt://broker:1883"]],
    )
    client_id_prefix: Prefix | None = Field(
        default=None,
        description="What the client ids of the bridge begin with; must be unique among all that "
        "use the broker, other Kubernetes clusters too. Left out: `<namespace>.<name>`.",
    )
    authentication: MqttAuthentication | None = Field(
        default=None, description="How to log in. Left out: no user name and no password."
    )
    tls: Tls | None = Field(
        default=None, description="How to trust the servers; only with mqtts:// servers."
    )
    session_expiry: Annotated[
        Duration,
        between(
            "1s",
            "4294967295s",
            "is no time for which MQTT can keep a session; write 1s or more, such as 24h",
        ),
    ] = Field(
        default=timedelta(hours=24),
        description="How long the broker keeps a session, and what it queues for it, while no "
        "bridge is connected: longer than the longest outage or pause that must lose nothing.",
    )
    receive_maximum: int = Field(
        default=8192,
        ge=1,
        le=65535,
        description="Most messages of one session that the broker sends before it has an "
        "acknowledgement: the receive window.",
    )
    keep_alive: Annotated[
        Duration,
        between(
            "1s",
            "65535s",
            "is no keep-alive that MQTT can say; write whole seconds, 1s to 18h",
            whole_seconds=True,
        ),
    ] = Field(
        default=timedelta(seconds=30),
        description="Longest silence on a connection; whole seconds, 1s to 18h.",
    )
    maximum_packet_size: int = Field(
        default=1_048_576,
        ge=1024,
        le=268_435_460,
        description="Largest packet that the bridge takes, in bytes; the broker drops larger ones.",
    )


class KafkaAuthentication(ApiModel):
    """How the bridge logs in to Kafka: user name and password, sent by a SASL mechanism."""

    type: Literal["plain", "scram-sha-256", "scram-sha-512"] = Field(
        description="The SASL mechanism.", examples=["scram-sha-512"]
    )
    username: str = Field(
        min_length=1, max_length=255, description="User name.", examples=["plant"]
    )
    password_secret: SecretKey = Field(
        description="Where the password is; a new one is used without an edit here.",
        examples=[{"secretName": "plant-kafka", "key": "password"}],
    )


class Producer(ApiModel):
    """How records are written."""

    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = Field(
        default="zstd", description="Codec of the batches."
    )
    max_request_bytes: int = Field(
        default=1_048_576,
        ge=16_384,
        le=104_857_600,
        description="Largest batch, in bytes before compression; a record that is larger goes by "
        "`onError`. Not more than the topics' `max.message.bytes`.",
    )


class Consumer(ApiModel):
    """How records are read."""

    group_prefix: Prefix | None = Field(
        default=None,
        description="What the consumer groups begin with; a mapping's group is "
        "`<groupPrefix>.<mapping>`. Left out: `<namespace>.<name>`.",
    )
    isolation: Literal["ReadCommitted", "ReadUncommitted"] = Field(
        default="ReadCommitted",
        description="ReadCommitted: nothing of transactions that are open or were aborted.",
    )


class Coordination(ApiModel):
    """How the pods of a bridge share its MQTT sessions."""

    rules = (
        Rule(
            "!has(self.type) || self.type != 'None' || "
            "!(has(self.topic) || has(self.replicationFactor) || has(self.create))",
            "has topic, replicationFactor or create, which type None does not use; remove them, or "
            "write type: Kafka",
        ),
    )
    type: Literal["Kafka", "None"] = Field(
        default="Kafka",
        description="Kafka: by a topic and a consumer group, for any number of pods. None: there "
        "is one pod, and nothing is written.",
    )
    topic: KafkaTopic | None = Field(
        default=None,
        description="The compacted topic that says where each session runs. Left out: "
        "`mqttkafka.<namespace>.<name>.sessions`. Only with type Kafka.",
    )
    replication_factor: int | None = Field(
        default=None,
        ge=1,
        le=32767,
        description="Of the topic, if the bridge creates it. Left out: 3, or as many as there are "
        "brokers if there are fewer. Only with type Kafka.",
    )
    create: bool = Field(
        default=True,
        description="Whether the bridge creates the topic if it is missing; without, a condition "
        "says the command that does. Only with type Kafka.",
    )


class Kafka(ApiModel):
    """The Kafka cluster."""

    bootstrap_servers: Annotated[list[KafkaServer], NO_TWO_ALIKE] = Field(
        min_length=1,
        max_length=16,
        description="host:port of some of the brokers; they name the others.",
        examples=[["kafka:9092"]],
    )
    authentication: KafkaAuthentication | None = Field(
        default=None, description="How to log in. Left out: not at all."
    )
    tls: Tls | None = Field(
        default=None, description="Set, even to {}, to speak TLS. Left out: plain text."
    )
    producer: Producer = Field(default=Producer(), description="How records are written.")
    consumer: Consumer = Field(default=Consumer(), description="How records are read.")
    coordination: Coordination = Field(
        default=Coordination(), description="How the pods share the MQTT sessions."
    )
