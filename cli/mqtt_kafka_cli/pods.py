"""Asking pods for their status, each at its address."""

import http.client
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import SplitResult, urlsplit

from pydantic import ValidationError

from mqtt_kafka_bridge.contract.status import BridgeStatus
from mqtt_kafka_cli.report import PodReport

DEFAULT_URL = "http://127.0.0.1:8080"
ANSWER_SECONDS = 5.0
_PATH = "/status"
_AT_ONCE = 32
_CURE = (
    "see that the bridge runs, and that this is the host and port of `http` in its file"
    " (in Kubernetes: kubectl port-forward pod/POD 8080)"
)


def url(text: str) -> str:
    """Return an address as it is asked: `host:port` will do.

    Raises:
        ValueError: it is no address of HTTP.
    """
    full = text if "://" in text else f"http://{text}"
    parts = urlsplit(full)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is no address; write it like {DEFAULT_URL}")
    _ = parts.port  # it is read now, and may be none
    path = parts.path.rstrip("/").removesuffix(_PATH)
    return SplitResult(parts.scheme, parts.netloc, path, "", "").geturl()


def ask_all(urls: Sequence[str]) -> list[PodReport]:
    """Ask all pods at once; an answer that does not come is part of the report."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(ask, urls))


def ask(address: str) -> PodReport:
    """Ask one pod, within some seconds."""
    try:
        code, body = _fetch(urlsplit(address))
    except (OSError, http.client.HTTPException) as error:
        return PodReport(url=address, failure=f"can't be reached: {_why(error)}", cure=_CURE)
    if code != http.HTTPStatus.OK:
        return PodReport(url=address, failure=f"answers {code} to {_PATH}", cure=_CURE)
    try:
        return PodReport(url=address, status=BridgeStatus.model_validate_json(body))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        return PodReport(
            url=address,
            failure=f"answers what this version does not understand: {where}: {first['msg']}",
            cure="see that this is a bridge, and use the mqtt-kafka of its version",
        )


def _fetch(parts: SplitResult) -> tuple[int, bytes]:
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", f"{parts.path}{_PATH}")
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _why(error: Exception) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {ANSWER_SECONDS:g} s"
        case socket.gaierror():
            return f"the name can't be resolved ({error.strerror})"
        case ConnectionRefusedError():
            return "nothing listens on this port"
        case OSError(strerror=str(text)):
            return text
        case _:
            return str(error) or type(error).__name__
