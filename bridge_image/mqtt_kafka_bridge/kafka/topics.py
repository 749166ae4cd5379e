"""Topics: looked up fresh, with what we may do with them, and created."""

import asyncio
import random
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import errors as kafka_errors
from aiokafka.protocol.admin import DescribeConfigsRequest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError
from mqtt_kafka_bridge.kafka.causes import explain, topic_forbidden, topic_missing
from mqtt_kafka_bridge.kafka.protocol import CreateTopic, DescribeTopic

_TOPIC_RESOURCE: Final = 2
_OPERATION_BITS: Final = {"Read": 1 << 3, "Write": 1 << 4}
_UNTOLD: Final = -(2**31)
_CREATE_MS: Final = 5000
_VISIBLE_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05
_ASKING_FAILED: Final = (OSError, NotImplementedError, kafka_errors.KafkaError)


class Limits(NamedTuple):
    """Settings of a topic that bound what may be written to it; None: not to be read."""

    max_message_bytes: int | None = None
    min_insync_replicas: int | None = None


async def _ask(client: Any, request: Any) -> Any:  # noqa: ANN401 - aiokafka has no types
    """Return the answer of the first broker that gives one."""
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(nodes)
    error: Exception = kafka_errors.NodeNotReadyError("no broker is known")
    for node in nodes:
        try:
            return await client.send(node, request)
        except (kafka_errors.NodeNotReadyError, kafka_errors.KafkaConnectionError) as not_there:
            error = not_there
    raise error


async def look_up(client: Any, name: str, who: str, operation: str) -> int:  # noqa: ANN401
    """Return how many partitions a topic has, seeing that we may use it.

    Args:
        client: an AIOKafkaClient.
        name: the topic.
        who: the principal, as ACLs name it.
        operation: `Read` or `Write`.

    Raises:
        MustFixError: TopicMissing or TopicForbidden.
        PassingError: Kafka did not answer.
    """
    try:
        answer = await _ask(client, DescribeTopic(name))
    except _ASKING_FAILED as error:
        raise explain(error, who=who, topic=name) from error
    ((code, _, _, partitions, operations),) = answer.topics
    error_type = kafka_errors.for_code(code)
    if error_type is kafka_errors.TopicAuthorizationFailedError:
        raise topic_forbidden(name, who, [operation, "Describe"], maybe_missing=True)
    if error_type is kafka_errors.UnknownTopicOrPartitionError:
        raise topic_missing(name)
    if code and error_type is not kafka_errors.LeaderNotAvailableError:
        raise explain(error_type(), who=who, topic=name)
    if operations != _UNTOLD and not operations & _OPERATION_BITS[operation]:
        raise topic_forbidden(name, who, [operation])
    return len(partitions)


async def read_limits(client: Any, name: str) -> Limits:  # noqa: ANN401
    """Return a topic's limits; reading them is a right of its own (DescribeConfigs)."""
    keys = ["max.message.bytes", "min.insync.replicas"]
    found = await read_settings(client, name, keys)
    return Limits(*(int(found[key]) if key in found else None for key in keys))


async def read_settings(client: Any, name: str, keys: Collection[str]) -> dict[str, str]:  # noqa: ANN401
    """Return settings of a topic; what may not be read, or is not answered, is left out."""
    try:
        answer = await _ask(client, DescribeConfigsRequest([(_TOPIC_RESOURCE, name, list(keys))]))
    except _ASKING_FAILED:
        return {}  # We can do without them.
    ((code, _, _, _, entries),) = answer.resources
    return {} if code else {key: value for key, value, *_ in entries if value}


async def create(
    client: Any,  # noqa: ANN401
    name: str,
    who: str,
    *,
    partitions: int = -1,
    replicas: int | None = None,
    settings: Mapping[str, str] | None = None,
) -> None:
    """Create a topic, with the broker's defaults for what is not given, and see it.

    Args:
        client: an AIOKafkaClient.
        name: the topic.
        who: the principal, as ACLs name it.
        partitions: -1 for the broker's default.
        replicas: None for min(3, brokers).
        settings: those that differ from the broker's.

    Raises:
        MustFixError: TopicForbidden: the right to create is missing.
        PassingError: Kafka did not answer.
    """
    if replicas is None:
        replicas = min(3, len(client.cluster.brokers()))
    request = CreateTopic(name, replicas, _CREATE_MS, partitions=partitions, settings=settings)
    try:
        # Any broker will do: since KRaft they all pass it on to the controller.
        answer = await _ask(client, request)
        _see_that_it_was_created(answer, name, who)
        await _visible(client, name, who)
    except _ASKING_FAILED as error:
        raise explain(error, who=who, topic=name) from error


def _see_that_it_was_created(answer: Any, name: str, who: str) -> None:  # noqa: ANN401
    ((_, code, message),) = answer.topic_errors
    error_type = kafka_errors.for_code(code)
    if error_type in {
        kafka_errors.TopicAuthorizationFailedError,
        kafka_errors.ClusterAuthorizationFailedError,
    }:
        raise topic_forbidden(name, who, ["Create", "Write", "Describe"])
    if code and error_type is not kafka_errors.TopicAlreadyExistsError:
        raise error_type(message)


async def _visible(client: Any, name: str, who: str) -> None:  # noqa: ANN401
    """Wait until a broker that was just told of a topic tells of it itself."""
    async with asyncio.timeout(_VISIBLE_SECONDS):
        while True:
            try:
                await look_up(client, name, who, "Write")
            except MustFixError as error:
                if error.reason is not Reason.TOPIC_MISSING:
                    raise
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return
