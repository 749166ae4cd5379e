"""A proxy before an API server that makes its clients' life hard: it knows calls."""

import asyncio
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.certificates import Authority
from tests.support.ports import free_port

_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP_BY_HOP = frozenset({"connection", "host", "transfer-encoding", "content-length"})
_GONE = 410


@dataclass(frozen=True)
class Write:
    """A call that changes something, Leases left out: those go on whatever is done."""

    number: int
    """From 1."""
    method: str
    path: str


class _Watch:
    """A watch that is open."""

    def __init__(self, answer: web.StreamResponse) -> None:
        self.answer = answer
        self.silent = False
        self.ended = asyncio.Event()


class KubeProxy:
    """Accept on a port of 127.0.0.1 and hand on to an API server; an asynchronous context.

    Args:
        authority: signs its certificate, as it did the API server's.
        target: the API server's port.
    """

    def __init__(self, authority: Authority, target: int) -> None:
        self.port = free_port()
        self.on_write: Callable[[Write], None] = lambda _: None
        """Called when a write was answered, before the answer is handed on."""
        self.storm: tuple[int, ...] = ()
        """Statuses that calls get in turn instead of an answer; 0: the answer."""
        self.writes: list[Write] = []
        self._watches: list[_Watch] = []
        self._calls = 0
        self._base = f"https://127.0.0.1:{target}"
        certificate = authority.server("kube-proxy")
        self._server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server_side.load_cert_chain(certificate.certificate_file, certificate.key_file)
        self._client_side = ssl.create_default_context(cafile=authority.certificate_file)

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._client_side)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        application = web.Application(client_max_size=2**24)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(
            self._runner, "127.0.0.1", self.port, ssl_context=self._server_side
        ).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for watch in self._watches:
            watch.ended.set()
        await self._runner.cleanup()
        await self._session.close()

    async def silence_watches(self) -> int:
        """Let the open watches be heard no more, though they stay open; return how many."""
        for watch in self._watches:
            watch.silent = True
        return len(self._watches)

    async def expire_watches(self) -> int:
        """End the watches that are open, as if what they have seen were too old (410)."""
        status = {"kind": "Status", "code": _GONE, "reason": "Expired", "message": "too old"}
        line = json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
        for watch in self._watches:
            await watch.answer.write(line)
            watch.ended.set()
        return len(self._watches)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.storm:
            self._calls += 1
            status = self.storm[self._calls % len(self.storm)]
            if status:
                return _refusal(status)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        url = f"{self._base}{request.raw_path}"
        try:
            async with self._session.request(
                request.method,
                URL(url, encoded=True),
                headers=headers,
                data=body or None,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer:
                if "watch=true" in request.query_string:
                    return await self._stream(request, answer)
                content = await answer.read()
        except aiohttp.ClientError:
            return web.Response(status=502)
        self._note(request)
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
        return web.Response(status=answer.status, headers=kept, body=content)

    def _note(self, request: web.Request) -> None:
        if request.method in _WRITING and "/leases" not in request.path:
            write = Write(len(self.writes) + 1, request.method, request.path)
            self.writes.append(write)
            self.on_write(write)

    async def _stream(
        self, request: web.Request, answer: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        """Hand on the events of a watch, until either side ends it, or the test does."""
        streamed = web.StreamResponse(status=answer.status)
        streamed.content_type = "application/json"
        await streamed.prepare(request)
        watch = _Watch(streamed)
        self._watches.append(watch)
        pump = asyncio.create_task(_pump(answer, watch))
        ended = asyncio.create_task(watch.ended.wait())
        try:
            await asyncio.wait({pump, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watches.remove(watch)
            for task in (pump, ended):
                task.cancel()
            await asyncio.wait({pump, ended})
        return streamed


async def _pump(answer: aiohttp.ClientResponse, watch: _Watch) -> None:
    try:
        async for chunk in answer.content.iter_any():
            if not watch.silent:
                await watch.answer.write(chunk)
    except (aiohttp.ClientError, ConnectionError):
        return


def _refusal(status: int) -> web.Response:
    content = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status}
    headers = {"Retry-After": "1"} if status == 429 else {}
    return web.json_response({**content, "message": "a storm"}, status=status, headers=headers)
