"""Telling users how a bridge is: its status, when that changes, and Events for what happened."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import ValidationError

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api import MqttKafkaBridgeStatus
from mqtt_kafka_operator.api.spec import GROUP
from mqtt_kafka_operator.cluster import BRIDGE, EVENT, Cluster, Key, Manifest, Mirror
from mqtt_kafka_operator.conditions import Event, conclude, transitions
from mqtt_kafka_operator.errors import PassingError, RefusedByClusterError
from mqtt_kafka_operator.facts import Facts

CONTROLLER = f"{GROUP}/operator"
"""Who reports Events."""
_ACTION = "Reconcile"
_log = structlog.get_logger()


class Herald:
    """Who tells.

    Args:
        cluster: the API server.
        mirror: what is known of it.
        instance: the name of this operator's pod.
        show: takes each status that is in effect, for metrics.
    """

    def __init__(
        self,
        cluster: Cluster,
        mirror: Mirror,
        instance: str,
        show: Callable[[Key, MqttKafkaBridgeStatus], None],
    ) -> None:
        self._cluster, self._mirror = cluster, mirror
        self._instance, self._show = instance, show

    async def tell(self, resource: Manifest, facts: Facts) -> None:
        """Write the status that follows from the facts, if it is another one, and its Events.

        Raises:
            PassingError: it is to be tried again.
        """
        before = _status(resource)
        now = datetime.now(UTC)
        status = conclude(facts, before, now)
        metadata = resource["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        self._show(Key(namespace, name), status)
        if status is before:
            return
        body = {"status": status.model_dump(mode="json")}
        try:
            written = await self._cluster.patch(
                BRIDGE, namespace, name, body, uid=metadata["uid"], subresource="status"
            )
        except RefusedByClusterError as error:
            raise PassingError(str(error)) from error  # it can't be told any other way
        if written is not None:
            self._mirror.put(BRIDGE, written)
            await self.report(resource, transitions(before, status), now)

    async def report(self, resource: Manifest, events: Iterable[Event], now: datetime) -> None:
        """Write Events; one that can't be written is logged, for nothing depends on it."""
        for event in events:
            try:
                await self._cluster.create(EVENT, self._manifest(resource, event, now))
            except (PassingError, RefusedByClusterError) as error:
                _log.warning(
                    "event_not_written",
                    namespace=resource["metadata"]["namespace"],
                    name=resource["metadata"]["name"],
                    reason=event.reason,
                    note=event.note,
                    error=str(error),
                )

    def _manifest(self, resource: Manifest, event: Event, now: datetime) -> Manifest:
        metadata = resource["metadata"]
        at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
        digest = hashlib.sha256(f"{metadata['uid']} {event.reason} {at}".encode()).hexdigest()
        regarding: dict[str, Any] = {
            "apiVersion": BRIDGE.api_version,
            "kind": BRIDGE.kind,
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        }
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "name": f"{metadata['name']}.{digest[:16]}",
                "namespace": metadata["namespace"],
                "labels": {names.MANAGED_BY: names.FIELD_MANAGER},
            },
            "eventTime": at,
            "type": event.type,
            "reason": event.reason,
            "note": event.note,
            "action": _ACTION,
            "regarding": regarding,
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
        }


def _status(resource: Manifest) -> MqttKafkaBridgeStatus | None:
    """Read the status as it is; what somebody else wrote there may be anything."""
    try:
        return MqttKafkaBridgeStatus.model_validate(resource["status"])
    except (KeyError, ValidationError):
        return None
