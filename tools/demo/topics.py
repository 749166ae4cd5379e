"""The demo's topics in Kafka: the bridge itself never creates the topics that it is to use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_PARTITIONS = 4
_MOST_COPIES = 3
_ANSWER_SECONDS = 10.0


class TopicsError(Exception):
    """Kafka can't be reached, or refuses to create topics; the text says which."""


async def appear(bootstrap: str, topics: list[str]) -> None:
    """Make topics appear in the stand-in, which creates what is asked for.

    Raises:
        KafkaException: the stand-in does not answer.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for name in topics:
        await asyncio.to_thread(admin.list_topics, name, timeout=_ANSWER_SECONDS)


@asynccontextmanager
async def visiting(bootstrap: str, topics: list[str], group: str) -> AsyncIterator[None]:
    """Create topics in a real Kafka; delete them in the end, and the consumer group with them.

    Raises:
        TopicsError: Kafka can't be reached, or refuses.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        cluster = await asyncio.to_thread(admin.list_topics, timeout=_ANSWER_SECONDS)
        copies = min(_MOST_COPIES, len(cluster.brokers))
        wanted = [NewTopic(name, _PARTITIONS, copies) for name in topics]
        created = admin.create_topics(wanted, request_timeout=_ANSWER_SECONDS)
        await asyncio.gather(*map(asyncio.wrap_future, created.values()))
    except KafkaException as error:
        raise TopicsError(f"{bootstrap}: {error.args[0].str()}") from error
    try:
        yield
    finally:
        deleted = admin.delete_topics(topics, request_timeout=_ANSWER_SECONDS)
        gone = admin.delete_consumer_groups([group], request_timeout=_ANSWER_SECONDS)
        for future in (*deleted.values(), *gone.values()):
            with suppress(KafkaException):  # never made, or not ours to delete: nothing to do
                await asyncio.wrap_future(future)
