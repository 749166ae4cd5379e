"""Two requests of Kafka in versions that aiokafka does not speak.

- Metadata 8 (Kafka 2.3, KIP-430): with what this user may do on each topic, so that a missing right
  to write is known before a record enters a producer.
- CreateTopics 4 (Kafka 2.4, KIP-464): with the broker's defaults where nothing else is asked for.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from aiokafka.protocol.admin import CreateTopicsRequest_v3, CreateTopicsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

_TEXT = String("utf-8")
_BROKERS = Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))
_PARTITIONS = Array(
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", Array(Int32)),
    ("isr", Array(Int32)),
    ("offline_replicas", Array(Int32)),
)


class _MetadataResponse8(Response):  # type: ignore[misc] # aiokafka has no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", _BROKERS),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("is_internal", Boolean),
                ("partitions", _PARTITIONS),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _MetadataRequest8(RequestStruct):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse8
    SCHEMA = Schema(
        ("topics", Array(_TEXT)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_operations", Boolean),
        ("include_topic_operations", Boolean),
    )


class DescribeTopic(Request[_MetadataRequest8]):  # type: ignore[misc]
    """Ask for one topic's partitions and what we may do with it; never create it."""

    API_KEY = 3
    _CLASSES: ClassVar[Any] = (_MetadataRequest8,)

    def __init__(self, name: str) -> None:
        self._name = name

    def build(self, request_struct_class: type[_MetadataRequest8]) -> _MetadataRequest8:
        """Make the request in the version that was agreed upon."""
        return request_struct_class([self._name], False, False, True)  # noqa: FBT003 - its shape


class _CreateTopicsResponse4(CreateTopicsResponse_v3):  # type: ignore[misc]
    API_VERSION = 4


class _CreateTopicsRequest4(CreateTopicsRequest_v3):  # type: ignore[misc]
    API_VERSION = 4
    RESPONSE_TYPE = _CreateTopicsResponse4


class CreateTopic(Request[_CreateTopicsRequest4]):  # type: ignore[misc]
    """Create one topic; -1 partitions are as many as the broker's default."""

    API_KEY = 19
    _CLASSES: ClassVar[Any] = (_CreateTopicsRequest4,)

    def __init__(
        self,
        name: str,
        replicas: int,
        timeout_ms: int,
        *,
        partitions: int = -1,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        configured = list((settings or {}).items())
        self._topic: tuple[Any, ...] = (name, partitions, replicas, [], configured)
        self._timeout_ms = timeout_ms

    def build(self, request_struct_class: type[_CreateTopicsRequest4]) -> _CreateTopicsRequest4:
        """Make the request in the version that was agreed upon."""
        return request_struct_class([self._topic], self._timeout_ms, False)  # noqa: FBT003
