"""The end of a bridge: its pods stop, its sessions are ended at the broker, then it may go.

The finalizer is our own, and it goes in any case: a broker that does not answer, an image that is
gone, a namespace that takes no more objects leave sessions behind, which an Event tells, but never
a resource that can't be deleted. Everything is read from what is there, so that an operator that
was killed goes on where it was; only the time begins anew.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.cluster import (
    BRIDGE,
    POD,
    Cluster,
    Key,
    Manifest,
    Mirror,
    MissingRightError,
)
from mqtt_kafka_operator.conditions import Event
from mqtt_kafka_operator.conditions.verdict import bounded
from mqtt_kafka_operator.errors import NameConflictError, RefusedByClusterError, SpecError
from mqtt_kafka_operator.facts import pod, workload
from mqtt_kafka_operator.reconcile.objects import Objects
from mqtt_kafka_operator.reconcile.plan import is_unmanaged
from mqtt_kafka_operator.reconcile.status import Herald
from mqtt_kafka_operator.render import retire_job

PODS_SECONDS: Final = 10.0
"""Then the Job begins although pods are left: it waits for them itself, at the brokers."""
TOTAL_SECONDS: Final = 27.0
"""Then the resource goes, whatever is left."""
_LOOK_AGAIN_SECONDS: Final = 1.0
_JOB_OF: Final = "batch.kubernetes.io/job-name"
_log = structlog.get_logger()


class _Verdict(NamedTuple):
    """How it ended."""

    clean: bool
    note: str


class Deletion:
    """Ends bridges.

    Args:
        cluster: the API server.
        mirror: what is known of it.
        objects: writes the Job.
        herald: tells how it ended.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        cluster: Cluster,
        mirror: Mirror,
        objects: Objects,
        herald: Herald,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster, self._mirror = cluster, mirror
        self._objects, self._herald, self._clock = objects, herald, clock
        self._began: dict[Key, float] = {}

    def forget(self, bridge: Key) -> None:
        """Forget when the end of a bridge began."""
        self._began.pop(bridge, None)

    async def proceed(self, bridge: Key, resource: Manifest) -> float | None:
        """Do what can be done now.

        Returns:
            After how many seconds to look again, if nothing happens before; None: it is done.

        Raises:
            PassingError: it is to be tried again.
        """
        if names.FINALIZER not in resource["metadata"].get("finalizers", ()):
            return None
        elapsed = self._clock() - self._began.setdefault(bridge, self._clock())
        try:
            verdict = await self._verdict(bridge, resource, elapsed)
        except MissingRightError as error:
            verdict = None if elapsed < TOTAL_SECONDS else _Verdict(clean=False, note=str(error))
        except (RefusedByClusterError, NameConflictError, SpecError) as error:
            verdict = _Verdict(clean=False, note=str(error))
        if verdict is None and elapsed < TOTAL_SECONDS:
            return _LOOK_AGAIN_SECONDS
        await self._let_go(resource, verdict or _Verdict(clean=False, note="the time was up"))
        return None

    async def _verdict(self, bridge: Key, resource: Manifest, elapsed: float) -> _Verdict | None:
        """Take the next step; return how it ended, if it did."""
        if is_unmanaged(resource):
            note = f"the bridge is {names.UNMANAGED}, so its pods were not stopped first"
            return _Verdict(clean=False, note=note)
        uid = resource["metadata"]["uid"]
        job_name = names.retire_job(bridge.name)
        job = await self._objects.find_own(bridge, uid, names.JOB, job_name)
        if job is not None:
            return await self._outcome(bridge, job)
        child = names.child(bridge.name)
        deployment = await self._objects.find_own(bridge, uid, names.DEPLOYMENT, child)
        if deployment is None:
            return _without_pods(resource)
        if not await self._are_stopped(bridge, deployment) and elapsed < PODS_SECONDS:
            return None
        own = Bridge.read(resource)
        await self._objects.make_once(own, retire_job(own, deployment["spec"]["template"]))
        return None

    async def _are_stopped(self, bridge: Key, deployment: Manifest) -> bool:
        """Have all pods stop; return whether they are gone."""
        if deployment["spec"].get("replicas", 1):
            metadata, body = deployment["metadata"], {"spec": {"replicas": 0}}
            written = await self._cluster.patch(
                names.DEPLOYMENT, bridge.namespace, metadata["name"], body, uid=metadata["uid"]
            )
            if written is not None:
                self._mirror.put(names.DEPLOYMENT, written)
            return False
        counts = workload(deployment)
        return counts.observed and counts.replicas == 0 and not self._mirror.pods(bridge)

    async def _outcome(self, bridge: Key, job: Manifest) -> _Verdict | None:
        conditions = job.get("status", {}).get("conditions") or ()
        true = {it["type"]: it for it in conditions if it["status"] == "True"}
        if "Complete" in true:
            return _Verdict(clean=True, note="its sessions are ended")
        if "Failed" in true:
            words = await self._last_words(bridge, job["metadata"]["name"])
            return _Verdict(clean=False, note=words or true["Failed"].get("message", ""))
        return None

    async def _last_words(self, bridge: Key, job: str) -> str:
        """Return what the Job's pod said at its end."""
        words = ""
        async for page in self._cluster.pages(POD, bridge.namespace, f"{_JOB_OF}={job}"):
            for container in (it for item in page.items for it in pod(item).containers):
                ended = container.ended
                words = (ended and ended.message) or container.waiting_message or words
        return "; ".join(words.split("\n")).strip("; ")

    async def _let_go(self, resource: Manifest, verdict: _Verdict) -> None:
        """Tell how it ended, and remove the finalizer."""
        reason = OperatorReason.SESSIONS_ENDED if verdict.clean else OperatorReason.SESSIONS_LEFT
        note = verdict.note if verdict.clean else f"{verdict.note}. {reason.cure}"
        if verdict.note:
            event = Event("Normal" if verdict.clean else "Warning", reason.value, bounded(note))
            await self._herald.report(resource, [event], datetime.now(UTC))
        metadata = resource["metadata"]
        rest = [it for it in metadata["finalizers"] if it != names.FINALIZER]
        # With the version, so that a finalizer that comes meanwhile is not lost.
        body = {"metadata": {"finalizers": rest, "resourceVersion": metadata["resourceVersion"]}}
        namespace, name = metadata["namespace"], metadata["name"]
        _log.info("bridge_let_go", namespace=namespace, name=name, reason=reason.value)
        written = await self._cluster.patch(BRIDGE, namespace, name, body, uid=metadata["uid"])
        if written is not None:
            self._mirror.put(BRIDGE, written)


def _without_pods(resource: Manifest) -> _Verdict:
    """Judge a bridge that has no Deployment: it never had, or somebody removed it before us."""
    if not resource.get("status", {}).get("sessions", {}).get("desired"):
        return _Verdict(clean=True, note="")
    note = "its Deployment was removed before it, so that nothing could end its sessions"
    return _Verdict(clean=False, note=note)
