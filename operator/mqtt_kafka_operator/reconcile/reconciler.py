"""One verb for everything that happens: read what is, make what should be, tell how it went."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api import MqttKafkaBridgeStatus, OperatorReason
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.cluster import (
    BRIDGE,
    Cluster,
    Key,
    KnownSecrets,
    Manifest,
    Mirror,
    MissingRightError,
    SecretFacts,
)
from mqtt_kafka_operator.errors import NameConflictError, PassingError, RefusedByClusterError
from mqtt_kafka_operator.facts import Answer, Facts, MissingSecret, Refusal, workload
from mqtt_kafka_operator.reconcile.deletion import Deletion
from mqtt_kafka_operator.reconcile.objects import Objects
from mqtt_kafka_operator.reconcile.plan import Plan, is_unmanaged, plan
from mqtt_kafka_operator.reconcile.secrets import Secrets, missing_secrets, versions
from mqtt_kafka_operator.reconcile.status import Herald
from mqtt_kafka_operator.render import Surroundings, objects, replicas
from mqtt_kafka_operator.translate import Translation

REFUSED_AGAIN_SECONDS: Final = 60.0
"""What refuses an object, or has its name, is watched by nobody."""
RIGHTS_SECONDS: Final = 15.0
Found = Mapping[str, SecretFacts | None]


class Reconciler:
    """Reconciles bridges.

    Args:
        cluster: the API server.
        mirror: what is known of it.
        secrets: what is known of Secrets.
        bridge_image: for pods whose template names no other.
        instance: the name of this operator's pod.
        answers: returns what the pods of a bridge said of themselves, by their names.
        show: takes each status that is in effect, or None for a bridge that is gone.
    """

    def __init__(
        self,
        cluster: Cluster,
        mirror: Mirror,
        secrets: KnownSecrets,
        *,
        bridge_image: str,
        instance: str,
        answers: Callable[[Key], Mapping[str, Answer]],
        show: Callable[[Key, MqttKafkaBridgeStatus | None], None],
    ) -> None:
        self._cluster, self._mirror = cluster, mirror
        self._bridge_image, self._answers, self._show = bridge_image, answers, show
        self._secrets = Secrets(cluster, secrets)
        self._objects = Objects(cluster, mirror)
        self._herald = Herald(cluster, mirror, instance, show)
        self._deletion = Deletion(cluster, mirror, self._objects, self._herald)
        self._without_right: dict[Key, float] = {}

    async def __call__(self, bridge: Key) -> float | None:
        """Reconcile a bridge.

        Returns:
            After how many seconds to do it again, if nothing happens before; None: never.

        Raises:
            PassingError: it is to be tried again.
        """
        resource = self._mirror.find(BRIDGE, *bridge)
        if resource is None:
            self._forget(bridge)
            return None
        if "deletionTimestamp" in resource["metadata"]:
            return await self._end(bridge, resource)
        wish = plan(resource, *await self._running(bridge, resource))
        found = await self._look_up_secrets(bridge, wish)
        refusals = await self._make(bridge, resource, wish, found)
        await self._herald.tell(resource, self._facts(bridge, resource, wish, found, refusals))
        return REFUSED_AGAIN_SECONDS if refusals else None

    def _forget(self, bridge: Key) -> None:
        for memory in (self._secrets, self._objects, self._deletion):
            memory.forget(bridge)
        self._without_right.pop(bridge, None)
        self._show(bridge, None)

    async def _end(self, bridge: Key, resource: Manifest) -> float | None:
        """Let a bridge that is being deleted come to its end."""
        again = await self._deletion.proceed(bridge, resource)
        if again is not None:
            wish = plan(resource, *await self._running(bridge, resource))
            await self._herald.tell(resource, self._facts(bridge, resource, wish, None, ()))
        return again

    async def _running(
        self, bridge: Key, resource: Manifest
    ) -> tuple[Manifest | None, Manifest | None]:
        """Return the Deployment and the ConfigMap that are there."""
        uid, name = resource["metadata"]["uid"], names.child(bridge.name)
        deployment = await self._objects.find_own(bridge, uid, names.DEPLOYMENT, name)
        return deployment, await self._objects.find_own(bridge, uid, names.CONFIG_MAP, name)

    async def _look_up_secrets(self, bridge: Key, wish: Plan) -> Found | None:
        """Return what is known of the Secrets that are named; None: nobody knows which."""
        if wish.translation is None:
            return None
        return await self._secrets.look_up(bridge, wish.translation)

    async def _make(
        self, bridge: Key, resource: Manifest, wish: Plan, found: Found | None
    ) -> tuple[Refusal, ...]:
        """Make the objects, if they can be made and shall be; return what was refused."""
        if wish.bridge is None or wish.translation is None or is_unmanaged(resource):
            return ()
        count = replicas(wish.bridge.spec)
        if count and _missing(wish.translation, found):
            return ()  # new pods could not start; those that run go on
        try:
            await self._hold(resource)
            around = await self._surroundings(wish.bridge, found or {})
            wanted = objects(wish.bridge, wish.translation, around, count)
            await self._objects.make(wish.bridge, wanted)
        except MissingRightError as error:
            return self._right_is_missing(bridge, error)
        except NameConflictError as error:
            return (Refusal(OperatorReason.NAME_CONFLICT, error.message, error.cure),)
        except RefusedByClusterError as error:
            return (Refusal(OperatorReason.APPLY_REFUSED, error.message, error.cure),)
        self._without_right.pop(bridge, None)
        return ()

    def _right_is_missing(self, bridge: Key, error: MissingRightError) -> tuple[Refusal, ...]:
        """Judge a missing right: an API server that has just started grants none for a moment.

        Raises:
            PassingError: that may be so.
        """
        now = time.monotonic()
        if now - self._without_right.setdefault(bridge, now) < RIGHTS_SECONDS:
            raise PassingError(str(error)) from error
        return (Refusal(OperatorReason.APPLY_REFUSED, error.message, error.cure),)

    async def _hold(self, resource: Manifest) -> None:
        """See that the resource does not go before its sessions are ended."""
        metadata = resource["metadata"]
        if names.FINALIZER in metadata.get("finalizers", ()):
            return
        held = {
            "apiVersion": BRIDGE.api_version,
            "kind": BRIDGE.kind,
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "finalizers": [names.FINALIZER],
            },
        }
        self._mirror.put(BRIDGE, await self._cluster.apply(held, metadata["uid"]))

    async def _surroundings(self, bridge: Bridge, found: Found) -> Surroundings:
        wanted = bridge.spec.observability.pod_monitor
        known = wanted and await self._cluster.has(names.POD_MONITOR)
        return Surroundings(self._bridge_image, pod_monitors=known, secrets=versions(found))

    def _facts(
        self,
        bridge: Key,
        resource: Manifest,
        wish: Plan,
        found: Found | None,
        refusals: tuple[Refusal, ...],
    ) -> Facts:
        """Gather what the status is concluded from."""
        metadata, translation = resource["metadata"], wish.translation
        deployment = self._mirror.find(names.DEPLOYMENT, bridge.namespace, names.child(bridge.name))
        return Facts(
            name=bridge.name,
            generation=metadata["generation"],
            spec=wish.bridge.spec if wish.bridge else None,
            config_generation=translation.config.generation if translation else None,
            selector=_text(names.selector(bridge.name)),
            mistakes=wish.mistakes,
            mistakes_reason=wish.mistakes_reason,
            missing_secrets=_missing(translation, found),
            refusals=refusals,
            workload=workload(deployment) if deployment else None,
            pods=self._mirror.pods(bridge),
            answers=self._answers(bridge),
            unmanaged=is_unmanaged(resource),
            deleting="deletionTimestamp" in metadata,
        )


def _missing(
    translation: Translation | None, found: Found | None
) -> tuple[MissingSecret, ...] | None:
    if translation is None or found is None:
        return None
    return tuple(missing_secrets(translation, found))


def _text(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())
