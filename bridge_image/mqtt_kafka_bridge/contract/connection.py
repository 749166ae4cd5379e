"""The two ends of a bridge: the MQTT broker and the Kafka cluster, and how to log in to them."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from mqtt_kafka_bridge.contract.base import Contract, Duration, FileName, KafkaTopic

MqttServer = Annotated[
    str, StringConstraints(pattern=r"^mqtts?://(\[[0-9a-fA-F:.]+\]|[^/:@\s\[\]]+)(:[0-9]{1,5})?$")
]
KafkaServer = Annotated[
    str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:.]+\]|[^/:@\s\[\]]+):[0-9]{1,5}$")
]
ClientIdPrefix = Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z._-]{1,128}$")]


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

    type: Literal["password"] = Field(description="The only type so far.")
    username: str = Field(min_length=1, max_length=65535)
    password_file: FileName = Field(description="File with the password; read at each connect.")


class Mqtt(Contract):
    """The MQTT broker, or the nodes of one cluster of brokers."""

    servers: list[MqttServer] = Field(
        min_length=1,
        max_length=16,
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
            raise ValueError("servers mix mqtt:// and mqtts://; use one of the two for all")
        if self.tls is not None and secure == {False}:
            raise ValueError("tls is set but the servers are mqtt://; write mqtts://")
        if not 1 <= self.keep_alive.total_seconds() <= 65535:  # noqa: PLR2004 - two bytes of seconds
            raise ValueError("keepAlive must lie between 1s and 18h")
        if not 1 <= self.session_expiry.total_seconds() < 2**32:
            raise ValueError("sessionExpiry must be at least 1s, or a restart loses the session")
        return self


class KafkaAuthentication(Contract):
    """User name and password, sent by a SASL mechanism."""

    type: Literal["plain", "scram-sha-256", "scram-sha-512"]
    username: str = Field(min_length=1, max_length=255)
    password_file: FileName = Field(description="File with the password; read at each connect.")


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

    type: Literal["None"] = Field(
        default="None", description="None: this process is the only one with this configuration."
    )


class Kafka(Contract):
    """The Kafka cluster."""

    bootstrap_servers: list[KafkaServer] = Field(min_length=1, max_length=16)
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
