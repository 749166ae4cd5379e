"""What the watches tell, on its way into the mirror and the queue. The only importer of kopf.

Kopf lists and watches; it keeps nothing, and writes nothing. Only `on.event` is used: handlers of
creation, update and deletion, timers and daemons make kopf store annotations and finalizers of its
own; its indexes keep every listed object in memory until all kinds are listed, and with a limit of
workers wait for each other for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

import aiohttp
import kopf

from mqtt_kafka_operator import names
from mqtt_kafka_operator.cluster import BRIDGE, OWNED, POD, SECRET, Key, Kind, KnownSecrets, Mirror

_WORKERS: Final = 64
_IDLE_SECONDS: Final = 0.01
"""A worker whose object has no more events keeps its place for so long: others wait for it."""
_INACTIVE_SECONDS: Final = 70.0
"""The API server sends a bookmark every minute; a watch that is silent for longer is dead."""
_SERVER_SECONDS: Final = 300
_CONNECT_SECONDS: Final = 5.0
_REQUEST_SECONDS: Final = 30.0
_PAGE: Final = 250
_DELETED: Final = "DELETED"
_NO_SECRETS: Final = ("helm.sh/release.v1", "kubernetes.io/service-account-token")
"""Types of Secrets that no bridge names and that a cluster may have many of."""
Handler = Callable[..., Awaitable[None]]


class _BackOffs:
    """Seconds between tries; they never come to an end.

    What kopf gives up it ends the process for, and an API server that restarts, or is out of
    breath, is no reason to end.
    """

    def __iter__(self) -> Iterator[float]:
        yield from (0.2, 0.5, 1.0, 2.0)
        while True:
            yield 5.0


def registry(
    mirror: Mirror,
    secrets: KnownSecrets,
    wake: Callable[[Key], None],
    *,
    server: str,
    session: Callable[[], aiohttp.ClientSession],
    pod_monitors: bool,
) -> kopf.OperatorRegistry:
    """Return the handlers.

    Args:
        mirror: takes note of everything.
        secrets: takes note of Secrets.
        wake: has a bridge reconciled.
        server: the address of the API server.
        session: makes a session that shows who asks; kopf closes it.
        pod_monitors: whether the cluster knows PodMonitors.
    """
    handlers = kopf.OperatorRegistry()

    async def log_in(**_: Any) -> kopf.AiohttpSession:  # noqa: ANN401
        return kopf.AiohttpSession(server=server, aiohttp_session=session())

    kopf.on.login(registry=handlers)(log_in)
    for kind in _watched(pod_monitors=pod_monitors):
        if kind == SECRET:
            _on_event(kind, _secret_handler(secrets, wake), handlers)
        else:
            _on_event(kind, _object_handler(kind, mirror, wake), handlers)
    return handlers


def _watched(*, pod_monitors: bool) -> Iterator[Kind]:
    for kind in (BRIDGE, SECRET, POD, *OWNED):
        if kind != names.POD_MONITOR or pod_monitors:
            yield kind


def _on_event(kind: Kind, handler: Handler, handlers: kopf.OperatorRegistry) -> None:
    group, version = _group_version(kind)
    kopf.on.event(group, version, kind.plural, id=kind.plural, registry=handlers)(handler)


def _group_version(kind: Kind) -> tuple[str, str]:
    group, _, version = kind.api_version.rpartition("/")
    return group, version


def _object_handler(kind: Kind, mirror: Mirror, wake: Callable[[Key], None]) -> Handler:
    async def noted(event: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        note = mirror.drop if event["type"] == _DELETED else mirror.put
        bridge = note(kind, dict(event["object"]))
        if bridge is not None:
            wake(bridge)

    return noted


def _secret_handler(secrets: KnownSecrets, wake: Callable[[Key], None]) -> Handler:
    async def noted(event: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        gone = event["type"] == _DELETED
        for bridge in secrets.changed(event["object"]["metadata"], gone=gone):
            wake(bridge)

    return noted


def settings() -> kopf.OperatorSettings:
    """Return how kopf has to behave."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.peering.standalone = True
    chosen.scanning.disabled = True  # it would need rights on CRDs and namespaces
    chosen.queueing.worker_limit = _WORKERS
    chosen.queueing.idle_timeout = _IDLE_SECONDS
    chosen.watching.server_timeout = _SERVER_SECONDS
    chosen.watching.connect_timeout = _CONNECT_SECONDS
    chosen.watching.inactivity_timeout = _INACTIVE_SECONDS
    chosen.watching.chunk_size = _PAGE
    chosen.networking.connect_timeout = _CONNECT_SECONDS
    chosen.networking.request_timeout = _REQUEST_SECONDS
    chosen.networking.error_backoffs = _BackOffs()
    chosen.process.ultimate_exiting_timeout = None  # it kills; whoever runs us ends us
    for kind in (POD, *OWNED):
        group, version = _group_version(kind)
        chosen.watching.label_selectors[group, version, kind.plural] = names.SELECTOR
    others = ",".join(f"type!={kind}" for kind in _NO_SECRETS)
    chosen.watching.field_selectors["", "v1", SECRET.plural] = others
    return chosen


async def watch(
    handlers: kopf.OperatorRegistry, namespaces: Sequence[str], started: asyncio.Event
) -> None:
    """Watch until cancelled, or until a signal ends the process.

    Args:
        handlers: of `registry`.
        namespaces: those to watch; empty: all of them.
        started: is set when the watches begin. From then on a signal is kopf's: whoever waits for
            this takes it back.

    Raises:
        Exception: a watch ended in a way that it can't go on from.
    """
    await kopf.operator(
        registry=handlers,
        settings=settings(),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        ready_flag=started,
    )
