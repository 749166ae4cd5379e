"""The two ends of a bridge: the MQTT broker and the Kafka cluster, and how to log in to them."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mqtt_kafka_bridge.contract.base import Contract, Duration, FileName, KafkaTopic

MQTT_SERVER_PATTERN = r"^mqtts?://(\[[0-9a-fA-F:.]+\]|[^/:@\s\[\]]+)(:[0-9]{1,5})?$"
KAFKA_SERVER_PATTERN = r"^(\[[0-9a-fA-F:.]+\]|[^/:@\s\[\]]+):[0-9]{1,5}$"
PREFIX_PATTERN = r"^[0-9a-zA-Z._-]{1,128}$"
_HIGHEST_PORT = 65535
_HIGHEST_KEEP_ALIVE = 65535
_LONGEST_SECONDS = 2**32 - 1
_HIGHEST_REPLICATION_FACTOR = 2**15 - 1


def _port(server: str) -> str:
    port = server.rpartition(":")[2]
    if port.isdecimal() and not 1 <= int(port) <= _HIGHEST_PORT:
        raise ValueError(f"has the port {port}; write one from 1 to 65535")
    return server


MqttServer = Annotated[str, StringConstraints(pattern=MQTT_SERVER_PATTERN), AfterValidator(_port)]
KafkaServer = Annotated[str, StringConstraints(pattern=KAFKA_SERVER_PATTERN), AfterValidator(_port)]
ClientIdPrefix = Annotated[str, StringConstraints(pattern=PREFIX_PATTERN)]


class Tls(Contract):
    """How to trust the other end of a TLS connection."""

    trusted_certificate_files: list[FileName] = Field(
        default=[],
        max_length=16,
        description="PEM files with authorities to trust; default: the system's authorities.",
    )
    server_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="The name asked for by SNI and checked in the certificate; default: the host.",
    )


class MqttAuthentication(Contract):
    """User name and password, sent in CONNECT."""

    type: Literal["password"] = Field(description="The only type so far.", examples=["password"])
    username: str = Field(min_length=1, max_length=65535, examples=["plant"])
    password_file: FileName = Field(
        description="File with the password; read at each connect.",
        examples=["/etc/bridge/mqtt-password"],
    )


class Mqtt(Contract):
    """The MQTT broker, or the nodes of one cluster of brokers."""

    servers: list[MqttServer] = Field(
        min_length=1,
        max_length=16,
        examples=[["mqtt://broker:1883"]],
        description="mqtt://host[:1883] or mqtts://host[:8883]; tried in order, then again, with "
        "jittered back-off. All must be nodes of one cluster.",
    )
    client_id_prefix: ClientIdPrefix | None = Field(
        default=None,
        description="Default: <namespace>.<name>. Must be unique among all that use the broker.",
    )
    authentication: MqttAuthentication | None = None
    tls: Tls | None = Field(default=None, description="Only with mqtts servers.")
    session_expiry: Duration = Field(
        default=timedelta(hours=24),
        description="How long the broker keeps a session, and what it queues, without a bridge.",
    )
    receive_maximum: int = Field(
        default=8192,
        ge=1,
        le=65535,
        description="Most messages that a session may have unacknowledged: the receive window.",
    )
    keep_alive: Duration = Field(default=timedelta(seconds=30), description="1s to 18h, whole s.")
    maximum_packet_size: int = Field(
        default=1_048_576, ge=1024, le=268_435_460, description="Largest packet accepted, in bytes."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        secure = {server.startswith("mqtts://") for server in self.servers}
        if len(secure) > 1:
            raise ValueError("mixes mqtt:// and mqtts:// servers; use one of the two for all")
        if self.tls is not None and secure == {False}:
            raise ValueError("has tls, but its servers are mqtt://; write mqtts:// or remove tls")
        seconds = self.keep_alive.total_seconds()
        if not 1 <= seconds <= _HIGHEST_KEEP_ALIVE or seconds % 1:
            raise ValueError("has a keepAlive that MQTT can't say; write whole seconds, 1s to 18h")
        if not 1 <= self.session_expiry.total_seconds() <= _LONGEST_SECONDS:
            raise ValueError(
                "has a sessionExpiry under which a restart loses the session, or that is longer "
                "than MQTT can say; write 1s or more, such as 24h"
            )
        return self


class KafkaAuthentication(Contract):
    """User name and password, sent by a SASL mechanism."""

    type: Literal["plain", "scram-sha-256", "scram-sha-512"] = Field(examples=["scram-sha-512"])
    username: str = Field(min_length=1, max_length=255, examples=["plant"])
    password_file: FileName = Field(
        description="File with the password; read at each connect.",
        examples=["/etc/bridge/kafka-password"],
    )


class KafkaProducer(Contract):
    """How records are written."""

    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "zstd"
    max_request_bytes: int = Field(
        default=1_048_576,
        ge=16_384,
        le=104_857_600,
        description="Largest batch, before compression; a larger record goes by onError.",
    )


class KafkaConsumer(Contract):
    """How records are read."""

    group_prefix: ClientIdPrefix | None = Field(
        default=None,
        description="Group of a mapping: <prefix>.<mapping>; default <namespace>.<name>.",
    )
    isolation: Literal["ReadCommitted", "ReadUncommitted"] = "ReadCommitted"


class Coordination(Contract):
    """How several pods share the sessions of one bridge."""

    type: Literal["Kafka", "None"] = Field(
        default="Kafka",
        description="Kafka: any number of processes may have this configuration. "
        "None: this process is the only one.",
    )
    topic: KafkaTopic | None = Field(
        default=None,
        description="Compacted; says where each session runs. "
        "Default: mqttkafka.<namespace>.<name>.sessions.",
    )
    replication_factor: int | None = Field(
        default=None,
        ge=1,
        le=_HIGHEST_REPLICATION_FACTOR,
        description="Of the topic, if the bridge creates it; default: 3, or as many as there are "
        "brokers if there are fewer.",
    )
    create: bool = Field(
        default=True,
        exclude_if=bool,  # what type None refuses must not stand in a file that we write
        description="Whether the bridge creates the topic if it is missing.",
    )

    @model_validator(mode="after")
    def _fits_type(self) -> Self:
        unused = {
            "topic": self.topic is not None,
            "replicationFactor": self.replication_factor is not None,
            "create": "create" in self.model_fields_set,
        }
        given = " and ".join(key for key, stands in unused.items() if stands)
        if self.type == "None" and given:
            raise ValueError(
                f"has {given}, which type None does not use; remove {given}, or write type: Kafka"
            )
        return self


class Kafka(Contract):
    """The Kafka cluster."""

    bootstrap_servers: list[KafkaServer] = Field(
        min_length=1, max_length=16, examples=[["kafka:9092"]]
    )
    authentication: KafkaAuthentication | None = None
    tls: Tls | None = Field(default=None, description="Set (even to {}) to speak TLS.")
    producer: KafkaProducer = KafkaProducer()
    consumer: KafkaConsumer = KafkaConsumer()
    coordination: Coordination = Coordination()


class DeadLetter(Contract):
    """Where messages go that can't be forwarded."""

    topic: KafkaTopic | None = Field(
        default=None,
        description="Default: mqttkafka.<namespace>.<name>.dead-letters; created when allowed.",
    )
