"""Who the operator is to the API server: one identity for its calls and for its watches."""

import os

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from mqtt_kafka_operator import names

_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_CONNECTIONS = 32
AGENT = names.FIELD_MANAGER
WATCHES_AGENT = f"{names.FIELD_MANAGER}-watches"
"""So that the audit log tells them apart: the watches never write."""


async def connect() -> ApiClient:
    """Return a client of the API server; close it.

    `KUBECONFIG` says where that is; without it the account of the pod that this runs in.

    Raises:
        ConfigException: neither leads anywhere.
    """
    configuration = Configuration()
    configuration.connection_pool_maxsize = _CONNECTIONS
    if "KUBECONFIG" in os.environ:
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            client_configuration=configuration
        )
    else:
        config.load_incluster_config(  # type: ignore[no-untyped-call]
            client_configuration=configuration
        )
    client = ApiClient(configuration)
    client.user_agent = AGENT
    return client


def server(client: ApiClient) -> str:
    """Return the address of the API server."""
    return str(client.configuration.host)


def watching_session(client: ApiClient) -> aiohttp.ClientSession:
    """Return a session for watches, under the identity of a client; close it.

    A watch of Secrets is asked for the metadata alone. A list is not: kopf can't read an empty one
    of that form (1.45.2), so the values in it pass by, and are kept nowhere.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=client.rest_client.ssl_context),
        headers={"User-Agent": WATCHES_AGENT},
        middlewares=(_authorizing(client.configuration), _asking_for_metadata),
        trust_env=True,
    )


def _authorizing(configuration: Configuration) -> aiohttp.ClientMiddlewareType:
    """Show the token of now: that of a pod is replaced within the hour."""

    async def authorize(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        token = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            request.headers["Authorization"] = token
        return await handler(request)

    return authorize


async def _asking_for_metadata(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    if request.url.path.endswith("/secrets") and "watch" in request.url.query:
        request.headers["Accept"] = _METADATA_ONLY
    return await handler(request)
