"""The connections of a client: how long they are silent, and how to be rid of them at once."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any, Final

_AGAIN_SECONDS: Final = 0.5


def silent_seconds(client: Any) -> float:  # noqa: ANN401 - aiokafka has no types
    """Return how long an AIOKafkaClient has had no answer on any open connection."""
    cluster, connections = client.cluster, client._conns.values()  # noqa: SLF001
    # A lost connection is forgotten with its clock; the metadata's clock stays.
    silent = time.time() - cluster._last_successful_refresh_ms / 1000  # noqa: SLF001
    for connection in connections:
        if connection.connected():
            silent = min(silent, time.monotonic() - connection._last_action)  # noqa: SLF001
    return max(0.0, float(silent))


async def hang_up(connection: Any) -> None:  # noqa: ANN401
    """Abort an AIOKafkaConnection, whatever became of it, and wait until it is gone.

    Its own `close` ends gracefully, which over TLS waits for the other side, and behind our back.
    """
    protocol = connection._protocol  # noqa: SLF001 - None: it never came about
    if protocol is not None and protocol._transport is not None:  # noqa: SLF001 - None: it is gone
        protocol._transport.abort()  # noqa: SLF001
    closed = connection.close()
    if protocol is not None:
        # Others may wait for it, too, and cancel it: that must not look as if we were cancelled.
        await asyncio.wait({closed})


async def sever(client: Any, tasks: Iterable[asyncio.Task[Any] | None]) -> None:  # noqa: ANN401
    """Cancel a client's tasks and abort its connections.

    aiokafka's own `close` waits for answers and for its write buffers, which is up to the request
    time-out when a broker is frozen; an aborted transport waits for nothing.

    Args:
        client: an AIOKafkaClient.
        tasks: what the owner of the client runs beside it; None is skipped.
    """
    every = {task for task in [*tasks, client._sync_task] if task is not None}  # noqa: SLF001
    while True:
        # A task may catch its cancellation to end in order, by waiting for an answer: hence the
        # abort. Or it loses it, for it awaits another that catches it, and goes on over a new
        # connection: hence again.
        for task in every:
            task.cancel()
        every |= await _abort(client)
        left = {task for task in every if not task.done()}
        if not left:
            break
        await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    for task in every:
        if not task.cancelled():
            task.exception()  # It does not matter any more, but must be looked at.
    await client.close()


async def _abort(client: Any) -> set[asyncio.Task[Any]]:  # noqa: ANN401
    """Abort the connections of a client; return the tasks that read from them."""
    connections = list(client._conns.values())  # noqa: SLF001 - aiokafka has no abort of its own
    reading = [connection._read_task for connection in connections]  # noqa: SLF001
    await asyncio.gather(*map(hang_up, connections))
    return {task for task in reading if task is not None}
