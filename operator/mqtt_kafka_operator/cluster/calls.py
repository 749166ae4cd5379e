"""The calls: read, list, apply, patch, delete, tell. Nothing in here decides what is to be called.

Objects are plain JSON data in and out: typed models would cost memory, and drop fields that are
newer than they are.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPMethod
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.exceptions import ApiException

from mqtt_kafka_operator import names
from mqtt_kafka_operator.cluster.kinds import Kind, Manifest, group_path, kind_of, path
from mqtt_kafka_operator.cluster.refusals import is_not_found, refusal
from mqtt_kafka_operator.errors import PassingError

APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
_TIMEOUT: Final = aiohttp.ClientTimeout(total=15, sock_connect=5)
_PAGE: Final = 250
"""Objects in one answer: a bound of memory."""
_FRESH_SECONDS: Final = 60.0
"""How long it is believed whether there is a kind: it may come later."""
_MANAGER: Final = {"fieldManager": names.FIELD_MANAGER}


class Page(NamedTuple):
    """A part of a list."""

    items: list[Manifest]
    version: int
    """The state of the cluster that the list shows; the same on every page."""


class Cluster:
    """The API server.

    Every method raises `PassingError` for what passes by itself, and `RefusedByClusterError` for
    what somebody must do something about.

    Args:
        client: of the library; whoever made it closes it.
        may_write: asked before each call that changes something: an operator that has lost its
            lease, or slept through it, writes nothing more.
    """

    def __init__(self, client: ApiClient, may_write: Callable[[], bool]) -> None:
        self._client = client
        self._may_write = may_write
        self._kinds: dict[Kind, tuple[float, bool]] = {}
        """When it was asked for a kind, and whether there is."""

    async def read(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object; None: there is none of that name."""
        what = f"read {kind.kind} {name}"
        return await self._find(HTTPMethod.GET, path(kind, namespace, name), what)

    async def pages(
        self, kind: Kind, namespace: str | None, selector: str = ""
    ) -> AsyncIterator[Page]:
        """Yield the objects of a kind, of all namespaces if none is named, page by page."""
        query = {"limit": str(_PAGE)} | ({"labelSelector": selector} if selector else {})
        more: str | None = ""
        while more is not None:
            url = f"{path(kind, namespace)}?{urlencode(query)}"
            answer = await self._call(HTTPMethod.GET, url, f"list {kind.plural}")
            head = {"apiVersion": kind.api_version, "kind": kind.kind}
            items = [{**head, **item} for item in answer["items"]]
            yield Page(items, int(answer["metadata"]["resourceVersion"]))
            more = answer["metadata"].get("continue") or None
            query["continue"] = more or ""

    async def has(self, kind: Kind) -> bool:
        """Tell whether the cluster knows a kind; asks once a minute, if anybody wants to know."""
        now = time.monotonic()
        asked_at, known = self._kinds.get(kind, (None, False))
        if asked_at is not None and now - asked_at <= _FRESH_SECONDS:
            return known
        found = await self._find(HTTPMethod.GET, group_path(kind), f"look for {kind.plural}")
        known = found is not None and any(it["name"] == kind.plural for it in found["resources"])
        self._kinds[kind] = now, known
        return known

    async def apply(self, manifest: Mapping[str, Any], uid: str | None) -> Manifest:
        """Apply an object on the server's side, by force, and return what has become of it.

        Args:
            manifest: all fields that are the operator's.
            uid: of the object that is there; if it is another one by now, nothing is done (a
                `PassingError`). None: there is none.
        """
        metadata = manifest["metadata"]
        body = {**manifest, "metadata": metadata | ({"uid": uid} if uid else {})}
        where = path(kind_of(manifest), metadata["namespace"], metadata["name"])
        url = f"{where}?{urlencode(_MANAGER | {'force': 'true'})}"
        what = f"apply {manifest['kind']} {metadata['name']}"
        return await self._call(HTTPMethod.PATCH, url, what, body, APPLY)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        uid: str,
        subresource: str = "",
    ) -> Manifest | None:
        """Merge this into an object (RFC 7386) and return it; None: there is none.

        Args:
            kind: of the object.
            namespace: of the object.
            name: of the object.
            body: fields; null removes one, a list is replaced.
            uid: of the object; if it is another one by now, nothing is done.
            subresource: such as `status`.
        """
        url = f"{path(kind, namespace, name, subresource)}?{urlencode(_MANAGER)}"
        metadata = {**body.get("metadata", {}), "uid": uid}
        what = f"write {subresource or kind.kind} of {name}"
        patch = {**body, "metadata": metadata}
        return await self._find(HTTPMethod.PATCH, url, what, patch, MERGE)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete an object with what it owns; one that is gone or is another one is no mistake."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        url, what = path(kind, namespace, name), f"delete {kind.kind} {name}"
        await self._find(HTTPMethod.DELETE, url, what, body, "application/json")

    async def create(self, kind: Kind, manifest: Mapping[str, Any]) -> Manifest:
        """Create an object that nobody applies again, such as an Event."""
        url = f"{path(kind, manifest['metadata']['namespace'])}?{urlencode(_MANAGER)}"
        what = f"create {kind.kind}"
        return await self._call(HTTPMethod.POST, url, what, manifest, "application/json")

    async def _find(self, method: str, url: str, what: str, *content: Any) -> Manifest | None:  # noqa: ANN401
        """Call; None: there is no such object."""
        try:
            return await self._request(method, url, what, *content)
        except ApiException as error:
            if is_not_found(error):
                return None
            raise refusal(error, what, writes=method != HTTPMethod.GET) from error

    async def _call(self, method: str, url: str, what: str, *content: Any) -> Manifest:  # noqa: ANN401
        try:
            return await self._request(method, url, what, *content)
        except ApiException as error:
            raise refusal(error, what, writes=method != HTTPMethod.GET) from error

    async def _request(
        self,
        method: str,
        url: str,
        what: str,
        body: Mapping[str, Any] | None = None,
        content_type: str | None = None,
    ) -> Manifest:
        if method != HTTPMethod.GET and not self._may_write():
            raise PassingError(f"{what}: the lease is not ours, or not for long enough")
        headers = {"Accept": "application/json"}
        if content_type:
            headers["Content-Type"] = content_type
        prepared = await self._client.param_serialize(
            method, url, header_params=headers, auth_settings=["BearerToken"]
        )
        try:
            answer = await self._client.call_api(
                *prepared[:3], body=body, _request_timeout=_TIMEOUT
            )
            content: bytes = await answer.read()  # type: ignore[no-untyped-call]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PassingError(f"{what}: {error or type(error).__name__}") from error
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - success, as HTTP counts
            raise ApiException.from_response(
                http_resp=answer, body=content.decode(errors="replace"), data=None
            )
        found: Manifest = json.loads(content)
        return found
