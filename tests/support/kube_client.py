"""A Kubernetes API as tests speak to it: objects are dicts, as in a manifest."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from kubernetes import config
from kubernetes.client.exceptions import ApiException, NotFoundException

Manifest = dict[str, Any]
ApiError = ApiException
"""What the API refuses with; `status` is HTTP's, `body` has the reason."""
_REQUEST_SECONDS = 20


class Kind(NamedTuple):
    """A kind of objects, as `apiVersion` and `kind` name it."""

    api_version: str
    name: str

    @property
    def path(self) -> str:
        """Where the API has it."""
        root = "apis" if "/" in self.api_version else "api"
        return f"/{root}/{self.api_version}"

    @property
    def plural(self) -> str:
        """Its name in paths, by the rule that Kubernetes guesses by (UnsafeGuessKindToResource)."""
        word = self.name.lower()
        if word.endswith("s"):
            return f"{word}es"
        return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


NAMESPACE = Kind("v1", "Namespace")
POD = Kind("v1", "Pod")
CONFIG_MAP = Kind("v1", "ConfigMap")
SECRET = Kind("v1", "Secret")
SERVICE = Kind("v1", "Service")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount")
DEPLOYMENT = Kind("apps/v1", "Deployment")
REPLICA_SET = Kind("apps/v1", "ReplicaSet")
JOB = Kind("batch/v1", "Job")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler")
LEASE = Kind("coordination.k8s.io/v1", "Lease")
EVENT = Kind("events.k8s.io/v1", "Event")
CUSTOM_RESOURCE = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")


class KubeClient:
    """Somebody's access to the API; close it, or use it as a context manager.

    Every method raises `ApiError` when the API refuses.

    Args:
        kubeconfig: says where it is and who asks.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._client: Any = config.new_client_from_config(  # type: ignore[no-untyped-call]
            str(kubeconfig), persist_config=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def create(self, manifest: Manifest, *, subresource: str = "", name: str = "") -> Manifest:
        """Create an object; or, of one that is there, a subresource such as its `token`."""
        metadata = manifest.get("metadata", {})
        where = _path(_kind(manifest), metadata.get("namespace"), name, subresource)
        return self.request("POST", where, manifest)

    def apply(
        self,
        manifest: Manifest,
        *,
        manager: str = "tests",
        force: bool = False,
        status: bool = False,
    ) -> Manifest:
        """Apply an object on the server's side; `status` applies that alone."""
        metadata = manifest["metadata"]
        subresource = "status" if status else ""
        where = _path(_kind(manifest), metadata.get("namespace"), metadata["name"], subresource)
        query = {"fieldManager": manager, "force": str(force).lower()}
        return self.request("PATCH", where, manifest, query, "application/apply-patch+yaml")

    def patch(
        self,
        kind: Kind,
        name: str,
        namespace: str | None,
        patch: Manifest,
        *,
        subresource: str = "",
    ) -> Manifest:
        """Merge this into an object (RFC 7386): lists are replaced, null removes."""
        where = _path(kind, namespace, name, subresource)
        return self.request("PATCH", where, patch, content_type="application/merge-patch+json")

    def read(
        self, kind: Kind, name: str, namespace: str | None = None, *, subresource: str = ""
    ) -> Manifest:
        """Return an object."""
        return self.request("GET", _path(kind, namespace, name, subresource))

    def find(self, kind: Kind, name: str, namespace: str | None = None) -> Manifest | None:
        """Return an object, or None if there is none of that name."""
        try:
            return self.read(kind, name, namespace)
        except NotFoundException:
            return None

    def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str = ""
    ) -> list[Manifest]:
        """Return the objects of a kind, of all namespaces if none is named."""
        query = {"labelSelector": selector} if selector else {}
        items = self.request("GET", _path(kind, namespace), query=query)["items"]
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items]

    def delete(
        self, kind: Kind, name: str, namespace: str | None = None, **options: object
    ) -> None:
        """Delete an object; it may still be there afterwards, for its finalizers' sake.

        Args:
            kind: of the object.
            name: of the object.
            namespace: of the object.
            options: of DeleteOptions, such as `propagationPolicy`.
        """
        self.request("DELETE", _path(kind, namespace, name), {**options})

    def token(self, namespace: str, service_account: str, seconds: int = 3600) -> str:
        """Return a new token of a ServiceAccount (TokenRequest)."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        where = _path(SERVICE_ACCOUNT, namespace, service_account, "token")
        token: str = self.request("POST", where, request)["status"]["token"]
        return token

    def request(
        self,
        method: str,
        path: str,
        body: Manifest | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        """Make a call of any kind and return the object in its answer."""
        prepared = self._client.param_serialize(
            method,
            f"{path}?{urlencode(query)}" if query else path,
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._client.call_api(*prepared, _request_timeout=_REQUEST_SECONDS)
        text = answer.read().decode()
        if not 200 <= answer.status < 300:
            raise ApiException.from_response(http_resp=answer, body=text, data=None)
        found: Manifest = json.loads(text)
        return found


def _kind(manifest: Manifest) -> Kind:
    return Kind(manifest["apiVersion"], manifest["kind"])


def _path(kind: Kind, namespace: str | None, name: str = "", subresource: str = "") -> str:
    parts = [kind.path, f"namespaces/{namespace}" if namespace else "", kind.plural]
    return "/".join(filter(None, (*parts, name, subresource)))
