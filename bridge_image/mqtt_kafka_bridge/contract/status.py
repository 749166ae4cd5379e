"""`BridgeStatus`: what a bridge says of itself at `/status`; the operator reads it."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict, Field

from mqtt_kafka_bridge.contract.base import Contract


class Statement(Contract):
    """Base of what a bridge says: written by fields' names, read by camelCase names."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)


class Direction(StrEnum):
    """Which way a mapping forwards."""

    MQTT_TO_KAFKA = "MqttToKafka"
    KAFKA_TO_MQTT = "KafkaToMqtt"


class MappingState(StrEnum):
    """What a mapping is doing."""

    FORWARDING = "Forwarding"
    WAITING = "Waiting"
    STALLED = "Stalled"
    STOPPED = "Stopped"
    DRAINING = "Draining"


class SessionState(StrEnum):
    """What an MQTT session is doing."""

    WAITING = "Waiting"
    CLAIMING = "Claiming"
    CONNECTING = "Connecting"
    HOLDING = "Holding"
    FORWARDING = "Forwarding"
    DRAINING = "Draining"
    RETIRED = "Retired"


class Reason(StrEnum):
    """Why something is not as it should be; fixed words, for conditions and alerts."""

    STARTING = "Starting"
    CONNECTED = "Connected"
    NO_MAPPINGS = "NoMappings"
    STOPPING = "Stopping"
    MQTT_UNREACHABLE = "MqttUnreachable"
    MQTT_TLS_FAILED = "MqttTlsFailed"
    MQTT_BAD_CREDENTIALS = "MqttBadCredentials"
    MQTT_NOT_AUTHORIZED = "MqttNotAuthorized"
    MQTT_REFUSED = "MqttRefused"
    MQTT_SUBSCRIPTION_REFUSED = "MqttSubscriptionRefused"
    MQTT_PROTOCOL_ERROR = "MqttProtocolError"
    MQTT_TAKEN_OVER = "MqttTakenOver"
    IDENTITY_CONFLICT = "IdentityConflict"
    MQTT_DISCONNECTED = "MqttDisconnected"
    KAFKA_UNREACHABLE = "KafkaUnreachable"
    KAFKA_TLS_FAILED = "KafkaTlsFailed"
    KAFKA_BAD_CREDENTIALS = "KafkaBadCredentials"
    KAFKA_MECHANISM_REFUSED = "KafkaMechanismRefused"
    KAFKA_WRITE_FAILED = "KafkaWriteFailed"
    TOPIC_MISSING = "TopicMissing"
    TOPIC_FORBIDDEN = "TopicForbidden"
    GROUP_FORBIDDEN = "GroupForbidden"
    COORDINATION_TOPIC_WRONG = "CoordinationTopicWrong"
    SECRET_UNREADABLE = "SecretUnreadable"  # noqa: S105 - a reason, no secret
    MESSAGE_REFUSED = "MessageRefused"
    DEAD_LETTER_BLOCKED = "DeadLetterBlocked"
    QUOTA_EXCEEDED = "QuotaExceeded"
    SESSION_LOST = "SessionLost"
    QOS_ZERO = "QosZero"
    QOS_LOWERED = "QosLowered"
    SESSION_EXPIRY_LOWERED = "SessionExpiryLowered"
    MIN_INSYNC_REPLICAS = "MinInsyncReplicas"
    MARKER_REFUSED = "MarkerRefused"
    SHARE_NOT_EMPTY = "ShareNotEmpty"
    RETAINED_NOT_SHARED = "RetainedNotShared"
    GENERATION_NOT_RAISED = "GenerationNotRaised"
    GENERATION_OVERRULED = "GenerationOverruled"
    SESSION_ELSEWHERE = "SessionElsewhere"


class Trouble(Statement):
    """Something that a person should know: what is wrong and what to do about it."""

    reason: Reason
    message: str = Field(description="What is wrong, where.")
    cure: str = Field(default="", description="What to do about it.")


class LinkStatus(Statement):
    """One side of a mapping: its connection to the MQTT broker or to Kafka."""

    connected: bool
    trouble: Trouble | None = None


class Counts(Statement):
    """The ledger of a mapping since the process started (guarantee G5)."""

    received: int = 0
    forwarded: int = 0
    filtered: int = 0
    expired: int = 0
    dead_lettered: int = 0
    dropped: dict[str, int] = {}
    in_flight: int = 0
    returned: int = 0
    redelivered: int = 0
    sessions_lost: int = 0


class MappingStatus(Statement):
    """One mapping."""

    name: str
    direction: Direction
    state: MappingState
    trouble: Trouble | None = None
    mqtt: LinkStatus
    kafka: LinkStatus
    risks: list[Trouble] = []
    counts: Counts


class SessionStatus(Statement):
    """One MQTT session."""

    client_id: str
    mapping: str
    member: int = 0
    slot: int | None = Field(
        default=None, description="Partition of the coordination topic; null: this pod is alone."
    )
    term: int | None = Field(
        default=None, description="Offset of the record by which this pod claimed it."
    )
    state: SessionState
    since: datetime
    server: str | None = None
    session_present: bool | None = None


class BridgeStatus(Statement):
    """The whole process."""

    version: Literal[1] = 1
    bridge: str
    namespace: str
    generation: int
    pod: str
    started_at: datetime
    ready: bool
    stopping: bool
    mappings: list[MappingStatus] = []
    sessions: list[SessionStatus] = []
