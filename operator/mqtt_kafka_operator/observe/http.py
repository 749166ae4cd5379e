"""The port: one that waits for the Lease answers as well."""

from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from mqtt_kafka_operator.observe.board import Board


class _Collector(Collector):
    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[GaugeMetricFamily]:
        leading = GaugeMetricFamily(
            "mqttkafka_operator_leading", "1 in the operator that has the Lease."
        )
        leading.add_metric([], float(self._board.leading))
        yield leading
        bridges = GaugeMetricFamily(
            "mqttkafka_operator_bridges",
            "Bridges by condition.",
            labels=["condition", "status"],
        )
        for labels, count in self._board.counts().items():
            bridges.add_metric(labels, count)
        yield bridges


async def serve(board: Board, port: int) -> web.AppRunner:
    """Open the port; clean the runner up.

    Raises:
        OSError: it is in use.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(board))

    async def livez(_: web.Request) -> web.Response:
        return web.json_response({"alive": board.alive}, status=200 if board.alive else 503)

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response({"ready": True, "leading": board.leading})

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.add_routes(
        [web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)]
    )
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    return runner
