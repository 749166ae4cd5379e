"""What enters and leaves the mapping core: messages of both sides, and what became of them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

Header = tuple[str, bytes]
SourceHeader = tuple[str, bytes | None]
"""A header as read from Kafka, where a value may be null."""
UserProperty = tuple[str, str]


class InboundMessage(Protocol):
    """A message as MQTT delivered it; `mqtt5.PublishPacket` is one."""

    @property
    def topic(self) -> str: ...  # noqa: D102 - MQTT's own words
    @property
    def payload(self) -> bytes: ...  # noqa: D102
    @property
    def qos(self) -> int: ...  # noqa: D102
    @property
    def retain(self) -> bool: ...  # noqa: D102
    @property
    def duplicate(self) -> bool: ...  # noqa: D102
    @property
    def packet_id(self) -> int | None: ...  # noqa: D102
    @property
    def user_properties(self) -> list[UserProperty]: ...  # noqa: D102
    @property
    def content_type(self) -> str | None: ...  # noqa: D102
    @property
    def response_topic(self) -> str | None: ...  # noqa: D102
    @property
    def correlation_data(self) -> bytes | None: ...  # noqa: D102
    @property
    def message_expiry_interval(self) -> int | None: ...  # noqa: D102


class SourceRecord(Protocol):
    """A record as read from Kafka; `flows.ports.SourceRecord` is one."""

    @property
    def offset(self) -> int: ...  # noqa: D102 - Kafka's own words
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[SourceHeader]: ...  # noqa: D102


class Converted(NamedTuple):
    """What a message from MQTT becomes in Kafka."""

    kafka_topic: str
    key: bytes
    value: bytes | None
    headers: list[Header]


class Publication(NamedTuple):
    """What a record from Kafka becomes on MQTT."""

    topic: str
    payload: bytes
    retain: bool
    expiry_seconds: int | None
    user_properties: list[UserProperty]
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None


class Skipped(NamedTuple):
    """A message that is not forwarded, as its mapping says; nothing is wrong with it."""

    outcome: Literal["filtered", "expired", "dropped"]
    reason: str
