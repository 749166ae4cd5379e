"""What is done unasked: everything is looked at again, and pods are asked how they are.

Watches tell nearly everything, soon. What they do not tell (an object that went while a watch had
to begin anew, a kind that came later) is found by the drift pass; what only the bridges know, such
as a broker that is away, by asking them.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from mqtt_kafka_operator import names
from mqtt_kafka_operator.cluster import (
    BRIDGE,
    OWNED,
    POD,
    Cluster,
    Key,
    Kind,
    KnownSecrets,
    Mirror,
)
from mqtt_kafka_operator.errors import PassingError, RefusedByClusterError
from mqtt_kafka_operator.facts import Pod

DRIFT_SECONDS: Final = 600.0
SPREAD_SECONDS: Final = 60.0
"""Over which the drift pass looks at the bridges."""
POLL_SECONDS: Final = 10.0
"""How often each pod is asked."""
_AGAIN_SECONDS: Final = 2.0
_log = structlog.get_logger()


class Rounds:
    """The rounds over all bridges.

    Args:
        cluster: the API server.
        mirror: is filled from its lists.
        secrets: are looked up again in each drift pass.
        namespaces: those to list; empty: all of them.
        wake: has a bridge reconciled, now or after some seconds.
        ask: asks the pods of a bridge; returns whether they say something else than before.
        done: called after each drift pass.
    """

    def __init__(
        self,
        cluster: Cluster,
        mirror: Mirror,
        secrets: KnownSecrets,
        *,
        namespaces: Sequence[str],
        wake: Callable[[Key, float], None],
        ask: Callable[[Key, Sequence[Pod]], Awaitable[bool]],
        done: Callable[[], None],
    ) -> None:
        self._cluster, self._mirror, self._secrets = cluster, mirror, secrets
        self._namespaces: Sequence[str | None] = namespaces or (None,)
        self._wake, self._ask, self._done = wake, ask, done

    async def begin(self) -> None:
        """Read everything and have all bridges reconciled; try until that is done."""
        while True:
            try:
                await self._read_all()
                break
            except (PassingError, RefusedByClusterError) as error:
                _log.warning("cluster_not_read", error=str(error))
                await asyncio.sleep(_AGAIN_SECONDS * random.uniform(0.5, 1.5))
        for bridge in self._mirror.bridges():
            self._wake(bridge, 0.0)
        self._done()

    async def drift(self) -> None:
        """Look at everything again, for ever."""
        while True:
            await asyncio.sleep(DRIFT_SECONDS)
            began = time.monotonic()
            try:
                await self._read_all()
            except (PassingError, RefusedByClusterError) as error:
                _log.warning("drift_pass_failed", error=str(error))
                continue
            self._secrets.forget_facts()
            bridges = self._mirror.bridges()
            for number, bridge in enumerate(bridges):
                self._wake(bridge, number * SPREAD_SECONDS / len(bridges))
            self._done()
            _log.debug("drift_pass", bridges=len(bridges), seconds=time.monotonic() - began)

    async def poll(self) -> None:
        """Ask the pods of all bridges, spread over the period, for ever."""
        async with asyncio.TaskGroup() as asking:
            while True:
                bridges = [it for it in self._mirror.bridges() if self._mirror.pods(it)]
                pause = POLL_SECONDS / max(1, len(bridges))
                for bridge in bridges:
                    asking.create_task(self._ask_one(bridge))
                    await asyncio.sleep(pause)
                if not bridges:
                    await asyncio.sleep(_AGAIN_SECONDS)

    async def _ask_one(self, bridge: Key) -> None:
        if await self._ask(bridge, self._mirror.pods(bridge)):
            self._wake(bridge, 0.0)

    async def _read_all(self) -> None:
        """Fill the mirror with what is there, and take out what is not.

        Raises:
            PassingError: not everything could be read.
        """
        kinds = [BRIDGE, POD, *OWNED]
        if not await self._cluster.has(names.POD_MONITOR):
            kinds.remove(names.POD_MONITOR)
        for namespace in self._namespaces:
            for kind in kinds:
                await self._read(kind, namespace)

    async def _read(self, kind: Kind, namespace: str | None) -> None:
        selector = "" if kind == BRIDGE else names.SELECTOR
        present: set[str] = set()
        version = 0
        async for page in self._cluster.pages(kind, namespace, selector):
            version = page.version
            for item in page.items:
                present.add(item["metadata"]["uid"])
                self._mirror.put(kind, item)
        self._mirror.forget_absent(kind, namespace, present, version)
