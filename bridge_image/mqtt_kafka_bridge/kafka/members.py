"""A member of a consumer group, as aiokafka has it: made, admitted, looked after, and ended."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.client import CoordinationType
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import PassingError
from mqtt_kafka_bridge.kafka.causes import group_forbidden
from mqtt_kafka_bridge.kafka.connections import sever, silent_seconds
from mqtt_kafka_bridge.kafka.security import security
from mqtt_kafka_bridge.kafka.topics import look_up

METADATA_AGE_MS: Final = 5000
SESSION_TIMEOUT_MS: Final = 10_000
"""After a crash the next member waits for this long; less would mistake a pause for a crash."""
HEARTBEAT_MS: Final = 2000
REBALANCE_MARGIN_MS: Final = 10_000
REQUEST_MARGIN_MS: Final = 5000
FETCH_BYTES: Final = 4_194_304
"""Most that a broker sends at once: it bounds memory, and 16,000 records are enough to be fast."""
CLOSE_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 15.0
"""Three metadata refreshes without an answer: Kafka is gone."""


def member(config: BridgeConfig, group: str, pod: str) -> AIOKafkaConsumer:
    """Return a member, not yet started.

    Raises:
        MustFixError: SecretUnreadable.
    """
    rebalance_ms = round(config.limits.drain.total_seconds() * 1000) + REBALANCE_MARGIN_MS
    committed_only = config.kafka.consumer.isolation == "ReadCommitted"
    return AIOKafkaConsumer(
        bootstrap_servers=list(config.kafka.bootstrap_servers),
        client_id=f"{group}.{pod}",
        group_id=group,
        # The assignor keeps its state on the class (aiokafka #1175): one class a member.
        partition_assignment_strategy=(type("Assignor", (StickyPartitionAssignor,), {}),),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if committed_only else "read_uncommitted",
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_MS,
        rebalance_timeout_ms=rebalance_ms,
        # A join is a request like any other, and is answered when the last member has drained.
        request_timeout_ms=rebalance_ms + REQUEST_MARGIN_MS,
        metadata_max_age_ms=METADATA_AGE_MS,
        fetch_max_bytes=FETCH_BYTES,
        **security(config.kafka),
    )


async def see_that_it_may_join(client: Any, group: str, who: str) -> None:  # noqa: ANN401
    """Ask for the group's coordinator.

    Raises:
        MustFixError: GroupForbidden.
        KafkaError: any other failure.
    """
    try:
        await client.coordinator_lookup(CoordinationType.GROUP, group)
    except GroupAuthorizationFailedError as error:
        raise group_forbidden(group, who) from error
    except KafkaError as error:
        if not error.retriable:  # A new cluster has no coordinator for some seconds.
            raise


async def see_that_all_is_well(client: Any, topics: Iterable[str], who: str) -> None:  # noqa: ANN401
    """Raise what an empty hand may be due to; aiokafka keeps trying in silence.

    Raises:
        MustFixError: TopicMissing or TopicForbidden.
        PassingError: Kafka has not answered for a while.
    """
    if silent_seconds(client) > SILENCE_SECONDS:
        raise PassingError(  # Without a number that would make each a news.
            Reason.KAFKA_UNREACHABLE,
            f"Kafka has not answered for more than {SILENCE_SECONDS:.0f} s",
            "see that its brokers run and that their advertised addresses can be reached",
        )
    for topic in topics:
        if client.cluster.partitions_for_topic(topic) is None:
            await look_up(client, topic, who, "Read")  # A broker that just started may not know it.


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Leave the group and disconnect, within some seconds whatever Kafka is doing."""
    # It may fail in many ways, by a CancelledError of its own too: hence a task of its own.
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.wait({stopping}, timeout=CLOSE_SECONDS)
    tasks = [stopping]
    coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001 - no abort there
    if coordinator is not None:
        tasks += [
            coordinator._coordination_task,  # noqa: SLF001
            coordinator._heartbeat_task,  # noqa: SLF001
            coordinator._commit_refresh_task,  # noqa: SLF001
        ]
    if fetcher is not None:
        tasks += [fetcher._fetch_task, *fetcher._pending_tasks]  # noqa: SLF001
    await sever(consumer._client, tasks)  # noqa: SLF001
