"""Which refusals of the API server pass by themselves, and which somebody has to act on.

What is neither is a mistake of the operator's own, and goes on as it is.
"""

import json
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from mqtt_kafka_operator.errors import PassingError, RefusedByClusterError, UserError

_CONFLICT, _GONE, _TOO_MANY, _UNAUTHORIZED = 409, 410, 429, 401
_FORBIDDEN, _NOT_FOUND = 403, 404
_INVALID = frozenset({400, 413, 422})
_SERVERS_FAULT = 500
_WEBHOOK = "webhook"


class NamespaceGoesError(RefusedByClusterError):
    """Nothing can be made in the namespace any more: it is being deleted."""


class MissingRightError(RefusedByClusterError):
    """The operator's account may not do that; for a moment also when the API server starts."""


def refusal(error: ApiException, what: str, *, writes: bool) -> Exception:
    """Return what a refusal means.

    Args:
        error: the API server's answer.
        what: the call, such as `apply Deployment plant-bridge`.
        writes: whether it was to change something.
    """
    status = _status(error)
    message = f"{what}: {status.get('message') or error.reason or error.status}"
    if error.status == _FORBIDDEN:
        return _forbidden(status, message) if writes else PassingError(message)
    if error.status in _INVALID:
        cure = "correct `spec.template`, or what in the cluster refuses it"
        return RefusedByClusterError(message, cure)
    if error.status == _TOO_MANY or error.status >= _SERVERS_FAULT:
        if _WEBHOOK in message and error.status == _SERVERS_FAULT:
            return RefusedByClusterError(message, "see to the admission webhook")
        return PassingError(message, retry_after_seconds=_retry_after_seconds(error, status))
    if error.status in {_CONFLICT, _GONE, _UNAUTHORIZED, _NOT_FOUND}:
        return PassingError(message)
    return error


def is_not_found(error: ApiException) -> bool:
    """Tell whether there is no such object, or no such kind."""
    return bool(error.status == _NOT_FOUND)


def _forbidden(status: dict[str, Any], message: str) -> UserError:
    causes = (status.get("details") or {}).get("causes") or ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return NamespaceGoesError(message, "nothing; it goes with its namespace")
    if "exceeded quota" in message:
        return RefusedByClusterError(message, "raise the quota of the namespace")
    if "cannot " in message:
        cure = "give the operator's account that right, as the chart does"
        return MissingRightError(message, cure)
    return RefusedByClusterError(message, "correct `spec.template`, or the rule that refuses it")


def _status(error: ApiException) -> dict[str, Any]:
    """Return the `Status` in an answer; something before the API server may send no such thing."""
    try:
        found = json.loads(error.body or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after_seconds(error: ApiException, status: dict[str, Any]) -> float | None:
    """Return how long the server wants to be left alone, if it says so."""
    header = (error.headers or {}).get("Retry-After", "")
    if header.isdecimal():
        return float(header)
    seconds = (status.get("details") or {}).get("retryAfterSeconds")
    return float(seconds) if seconds else None
