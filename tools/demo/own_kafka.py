"""Room for the demo on a Kafka of the user's own: topics that exist only as long as it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_PARTITIONS = 4
_MOST_COPIES = 3
_ANSWER_SECONDS = 10.0


class NoRoomError(Exception):
    """Kafka can't be reached, or refuses to create topics; the text says which."""


@asynccontextmanager
async def room(bootstrap: str, topics: list[str], group: str) -> AsyncIterator[None]:
    """Create the topics; delete them in the end, and the consumer group with them.

    Raises:
        NoRoomError: Kafka can't be reached, or refuses.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        cluster = await asyncio.to_thread(admin.list_topics, timeout=_ANSWER_SECONDS)
        copies = min(_MOST_COPIES, len(cluster.brokers))
        wanted = [NewTopic(name, _PARTITIONS, copies) for name in topics]
        created = admin.create_topics(wanted, request_timeout=_ANSWER_SECONDS)
        await asyncio.gather(*map(asyncio.wrap_future, created.values()))
    except KafkaException as error:
        raise NoRoomError(f"{bootstrap}: {error.args[0].str()}") from error
    try:
        yield
    finally:
        deleted = admin.delete_topics(topics, request_timeout=_ANSWER_SECONDS)
        gone = admin.delete_consumer_groups([group], request_timeout=_ANSWER_SECONDS)
        for future in (*deleted.values(), *gone.values()):
            with suppress(KafkaException):  # never made, or not ours to delete: nothing to do
                await asyncio.wrap_future(future)
