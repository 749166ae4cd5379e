"""Wiring: one operator, from its settings to its end."""

import asyncio
import signal
from typing import Final

import aiohttp
import structlog
from kubernetes.aio.client import ApiClient

from mqtt_kafka_operator import handlers, names
from mqtt_kafka_operator.bridge_status import Pollster
from mqtt_kafka_operator.cluster import (
    Cluster,
    Key,
    KnownSecrets,
    Mirror,
    connect,
    server,
    watching_session,
)
from mqtt_kafka_operator.leadership import Candidate, Leadership
from mqtt_kafka_operator.observe import Board, serve
from mqtt_kafka_operator.queue import Queue
from mqtt_kafka_operator.reconcile import Reconciler, Rounds
from mqtt_kafka_operator.settings import Settings

STOPPED, LEASE_LOST = 0, 3
_END_SECONDS: Final = 5.0
_log = structlog.get_logger()


class Stop:
    """A signal that asks the process to end."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def listen(self) -> None:
        """Take SIGTERM and SIGINT; whoever had them before has them no more."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.asked.set)


async def run(settings: Settings) -> int:
    """Run until a signal comes or the Lease is lost; return the exit code.

    Raises:
        OSError: the port is in use.
        ConfigException: nothing says where the API server is.
    """
    board, stop = Board(), Stop()
    stop.listen()
    runner = await serve(board, settings.http_port)
    client = await connect()
    try:
        return await _lead(settings, board, stop, client)
    finally:
        await client.close()  # type: ignore[no-untyped-call]
        await runner.cleanup()


async def _lead(settings: Settings, board: Board, stop: Stop, client: ApiClient) -> int:
    """Wait for the Lease, work while it is ours, give it back."""
    candidate = Candidate(settings.operator_namespace, settings.lease_name, settings.pod_name)
    leadership = Leadership(client, candidate)
    asked = asyncio.create_task(stop.asked.wait())
    acquiring = asyncio.create_task(leadership.acquire())
    await asyncio.wait({asked, acquiring}, return_when=asyncio.FIRST_COMPLETED)
    if asked.done():
        acquiring.cancel()
        return STOPPED
    acquiring.result()
    _log.info("lease_acquired", lease=settings.lease_name, identity=settings.pod_name)
    holding = asyncio.create_task(leadership.hold())
    working = asyncio.create_task(_work(settings, board, stop, client, leadership))
    await asyncio.wait({asked, holding, working}, return_when=asyncio.FIRST_COMPLETED)
    board.leading = False
    lost = holding.done()
    if lost:
        _log.error("lease_lost", lease=settings.lease_name, identity=settings.pod_name)
    for task in (holding, asked):
        task.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait({working}, timeout=_END_SECONDS)
    if lost:
        return LEASE_LOST
    await leadership.release()
    if working.done() and not working.cancelled():
        working.result()
    return STOPPED


async def _work(
    settings: Settings, board: Board, stop: Stop, client: ApiClient, leadership: Leadership
) -> None:
    """Watch, reconcile and look again, until cancelled."""
    cluster = Cluster(client, lambda: leadership.holds)
    mirror, secrets = Mirror(), KnownSecrets()
    async with aiohttp.ClientSession() as session:
        pollster = Pollster(session)
        reconciler = Reconciler(
            cluster,
            mirror,
            secrets,
            bridge_image=settings.bridge_image,
            instance=settings.pod_name,
            answers=pollster.answers,
            show=board.show,
        )
        queue: Queue[Key] = Queue(reconciler)
        rounds = Rounds(
            cluster, mirror, secrets, namespaces=settings.watch_namespaces,
            wake=queue.add, ask=pollster.ask, done=board.drift_done,
        )  # fmt: skip
        await rounds.begin()
        watches = handlers.registry(
            mirror, secrets, queue.add,
            server=server(client), session=lambda: watching_session(client),
            pod_monitors=await cluster.has(names.POD_MONITOR),
        )  # fmt: skip
        started = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(queue.run())
            tasks.create_task(rounds.drift())
            tasks.create_task(rounds.poll())
            tasks.create_task(handlers.watch(watches, settings.watch_namespaces, started))
            await started.wait()
            stop.listen()
            board.leading = True
