"""One port for probes, status and metrics. It only reads the board, and holds no secret."""

import os
from typing import cast

from aiohttp import web

from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_bridge.observe.heartbeat import Heartbeat
from mqtt_kafka_bridge.observe.metrics import Metrics
from mqtt_kafka_bridge.observe.troubles import link_concerns

ALIVE_LAG_SECONDS = 10.0
"""An event loop that keeps being later than this is of no use to anybody."""
_CLOSE_SECONDS = 1.0
"""How long an open request may hold up the end."""


class ListenError(Exception):
    """The address of `http` can't be listened on; the message says why and what to do."""


class Server:
    """The open port; `url` says where."""

    def __init__(self, runner: web.AppRunner, heartbeat: Heartbeat, url: str) -> None:
        self._runner = runner
        self._heartbeat = heartbeat
        self.url = url

    async def close(self) -> None:
        """Stop to listen; requests under way get a second."""
        self._heartbeat.stop()
        await self._runner.cleanup()


async def serve(board: Board, host: str, port: int) -> Server:
    """Open the port; 0 takes any free one.

    Raises:
        ListenError: the address is in use, not ours, or needs more rights.
    """
    heartbeat = Heartbeat()
    runner = web.AppRunner(
        _application(board, heartbeat),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_CLOSE_SECONDS,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        # asyncio's own text repeats the address; a name that isn't known has a negative number.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ListenError(
            f"http: can't listen on {host}:{port}: {why}. "
            "Stop what uses it, or set http.port to another one (0 takes any free one)."
        ) from error
    heartbeat.start()
    return Server(runner, heartbeat, _url(runner))


def _url(runner: web.AppRunner) -> str:
    host, port = cast("tuple[str, int]", runner.addresses[0][:2])
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _application(board: Board, heartbeat: Heartbeat) -> web.Application:
    metrics = Metrics(board, heartbeat)

    async def livez(_: web.Request) -> web.Response:
        """Say that the event loop runs.

        A loop that stands still does not answer at all, and the probe's own time-out tells. This
        bound tells of one that runs by fits and starts. One long pause in the past does not count.
        """
        lag = heartbeat.lag_seconds
        alive = lag <= ALIVE_LAG_SECONDS
        return web.json_response(
            {"alive": alive, "lagSeconds": round(lag, 3)}, status=200 if alive else 503
        )

    async def readyz(_: web.Request) -> web.Response:
        ready = board.ready
        return web.json_response(
            {"ready": ready, "reasons": _reasons(board)}, status=200 if ready else 503
        )

    async def status(_: web.Request) -> web.Response:
        return web.json_response(text=board.status.model_dump_json())

    async def scrape(request: web.Request) -> web.Response:
        content_type, body = metrics.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    application = web.Application()
    application.add_routes(
        [
            web.get("/livez", livez),
            web.get("/readyz", readyz),
            web.get("/status", status),
            web.get("/metrics", scrape),
        ]
    )
    return application


def _reasons(board: Board) -> list[dict[str, str]]:
    """List what keeps the bridge from being ready, and what it is ready without."""
    if board.stopping:
        return [_reason(Trouble(reason=Reason.STOPPING, message="asked to stop"))]
    if not board.mappings:
        return [_reason(Trouble(reason=Reason.NO_MAPPINGS, message="nothing to forward"))]
    return [
        {"mapping": mapping.name, "link": concern.about, **_reason(concern.trouble)}
        for mapping in board.mappings.values()
        if not mapping.linked
        for concern in link_concerns(mapping)
    ]


def _reason(trouble: Trouble) -> dict[str, str]:
    return {"reason": trouble.reason, "message": trouble.message, "cure": trouble.cure}
