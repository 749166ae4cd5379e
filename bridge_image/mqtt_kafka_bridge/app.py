"""The process: everything wired together, started, and stopped softly, then hard."""

import asyncio
import gc
import signal
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.flows.budget import Budget
from mqtt_kafka_bridge.flows.host import Host
from mqtt_kafka_bridge.flows.kafka_to_mqtt import KafkaToMqttFlow
from mqtt_kafka_bridge.flows.membership import Membership
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.tasks import guarded
from mqtt_kafka_bridge.kafka.cluster import Cluster
from mqtt_kafka_bridge.mqtt.dialing import dialer
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_bridge.observe.http import serve

log = structlog.get_logger()
CLEAN, DEADLINE_PASSED = 0, 3
GC_THRESHOLD = 200_000
"""New objects before a collection. Messages live shortly and form no cycles: the usual 700 made the
collector look at every message in flight, for a quarter of the CPU."""


def wall_clock() -> datetime:
    """Return the time of day, in UTC."""
    return datetime.now(UTC)


class Flow(Protocol):
    """A mapping from Kafka, or all sessions, at work."""

    async def run(self) -> None:
        """Forward until cancelled, drained, or stopped by a message."""
        ...

    async def drain(self) -> None:
        """Take nothing new; return when everything taken is finished, and disconnected."""
        ...


class App:
    """One process with one configuration.

    Args:
        config: what to do.
        pod: the name of this process among its like.
    """

    def __init__(self, config: BridgeConfig, pod: str) -> None:
        self._config = config
        self.board = Board(config, pod, wall_clock)
        cluster = Cluster(config, pod)
        alone = config.kafka.coordination.type == "None"
        self._membership = Membership(cluster, self.board, alone=alone)
        self._parts = Parts(
            config=config,
            pod=pod,
            kafka=cluster,
            dial=dialer(config.mqtt),
            buffer=ReadBuffer(),
            budget=Budget(config.limits.bytes_in_flight, _flows_at_most(config)),
            now=wall_clock,
            starts=self._membership.starts,
        )
        self._stop = asyncio.Event()
        self._stop_hard = asyncio.Event()

    def stop(self) -> None:
        """Stop softly; when called again, hard."""
        (self._stop_hard if self._stop.is_set() else self._stop).set()

    async def run(self) -> int:
        """Forward until somebody stops it; return the exit code.

        Raises:
            ListenError: the port of probes and metrics can't be had.
        """
        config = self._config
        server = await serve(self.board, config.http.host, config.http.port)
        log.info("serving", **{"http.url": server.url})
        try:
            return await self._forward()
        finally:
            await server.close()

    async def _forward(self) -> int:
        board, config = self.board, self._config
        flows: list[Flow] = [
            KafkaToMqttFlow(self._parts, m, board.mappings[m.name].open(m.name))
            for m in config.kafka_to_mqtt
        ]
        if board.mappings:
            flows.append(Host(self._parts, board, self._membership))
        _freeze_what_stays()
        code = CLEAN
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(guarded(flow.run())) for flow in flows]
            await self._stop.wait()
            board.stopping = True
            log.info("stopping", drain_seconds=self._config.limits.drain.total_seconds())
            if not await self._drained(flows):
                code = DEADLINE_PASSED
                log.error("not drained in time: what is unfinished is sent again")
            for task in running:
                task.cancel()
        asyncio.get_running_loop().set_exception_handler(_late)
        log.info("stopped", exit_code=code)
        return code

    async def _drained(self, flows: Sequence[Flow]) -> bool:
        """Drain all flows at once; return whether all were done in time."""
        drains = {asyncio.create_task(flow.drain()) for flow in flows}
        hard = asyncio.create_task(self._stop_hard.wait())
        pending = drains
        deadline = asyncio.get_running_loop().time() + self._config.limits.drain.total_seconds()
        while pending and not hard.done():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            waiting: set[asyncio.Task[Any]] = {*pending, hard}
            done, _ = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            pending = {task for task in drains if not task.done()}
        for task in (*pending, hard):
            task.cancel()
        return not pending


def _flows_at_most(config: BridgeConfig) -> int:
    """Return among how many flows the limit of bytes in flight is shared."""
    return sum(mapping.sessions for mapping in config.mqtt_to_kafka) + len(config.kafka_to_mqtt)


def _late(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Hear no more of a host name whose look-up was cancelled and fails afterwards."""
    if not isinstance(context.get("exception"), socket.gaierror):
        loop.default_exception_handler(context)


def _freeze_what_stays() -> None:
    """Keep the collector away from what lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 50, 50)


def pod_name(config: BridgeConfig) -> str:
    """Return the name of this process: the configured one, or the host's."""
    return config.pod or socket.gethostname()


async def run(config: BridgeConfig) -> int:
    """Run a bridge until SIGTERM or SIGINT; a second one stops it hard."""
    app = App(config, pod_name(config))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.stop)
    return await app.run()
