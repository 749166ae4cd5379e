"""Whether the cluster knows PodMonitors, of the Prometheus operator; it may come later."""

import time
from typing import Final

from mqtt_kafka_operator import names
from mqtt_kafka_operator.cluster import Cluster

_FRESH_SECONDS: Final = 60.0


class PodMonitors:
    """Asks once a minute, if anybody wants to know.

    Args:
        cluster: the API server.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known = False
        self._asked_at: float | None = None

    async def are_known(self) -> bool:
        """Tell whether there is such a kind.

        Raises:
            PassingError: the API server did not say.
        """
        now = time.monotonic()
        if self._asked_at is None or now - self._asked_at > _FRESH_SECONDS:
            self._known = await self._cluster.has(names.POD_MONITOR)
            self._asked_at = now
        return self._known
