"""Replacing the sessions of a mapping's member: the new one misses nothing when the old ones end.

    the new one subscribes, and holds what comes
    a marker is published; the old ones forward until they have got it, and for a grace
    the old ones unsubscribe, finish, and are ended at the broker
    the new one forwards

Nothing is lost, and what both got in between is repeated. A pod that takes over in the middle
begins from the top: each step may be done again.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.coordination.plan import Lineage, Wanted
from mqtt_kafka_bridge.flows.markers import Announcement, Marker
from mqtt_kafka_bridge.flows.session_run import SessionRun

log = structlog.get_logger()
_TOKEN_BYTES = 8
AGAIN_SECONDS = 1.0
"""How often the marker is published."""
IDLE_SECONDS = 10.0
"""After so long without a message an old session has nothing more to get, marker or not."""
GRACE_SECONDS = 2.0
"""How long the old sessions go on after the marker: by then all nodes of a cluster route to the
new one. Where no marker may be published it is all there is."""


class Begin(Protocol):
    """Begins to run a session, in a task of its own."""

    def __call__(
        self, wanted: Wanted, marker: Marker | None = None, *, holding: bool = False
    ) -> SessionRun:
        """Return it."""
        ...


async def replace(
    lineage: Lineage,
    marker_topic: str,
    begin: Begin,
    end: Callable[[SessionRun], Awaitable[None]],
) -> None:
    """Replace the old sessions of a lineage by its new one, or by none.

    Args:
        lineage: with old sessions.
        marker_topic: where the marker is published.
        begin: begins to run a session.
        end: ends one, with its session at the broker, when it is drained.
    """
    new, token = lineage.new, secrets.token_hex(_TOKEN_BYTES).encode()
    markers = [Marker(marker_topic, token) for _ in lineage.old]
    old_runs = [begin(*each) for each in zip(lineage.old, markers, strict=True)]
    new_run = begin(new, holding=True) if new is not None else None
    newest = old_runs[0] if new_run is None else new_run
    for run in {newest, *old_runs}:
        await run.flow.session.subscribed.wait()
    announcement = Announcement(marker_topic, token)
    while not all(map(_may_end, old_runs, markers)):
        newest.flow.session.announce(announcement)
        await asyncio.sleep(AGAIN_SECONDS)
    if announcement.refused or not all(marker.heard for marker in markers):
        newest.note_risk(_refused(marker_topic))
    await asyncio.sleep(GRACE_SECONDS)
    for run in old_runs:
        await run.flow.session.leave()
        await run.flow.drain()
        await end(run)
    if new_run is not None:
        new_run.flow.forward()
    log.info(
        "session retired" if new is None else "session replaced",
        mapping=lineage.old[0].mapping.name,
        old=[old.client_id for old in lineage.old],
        new=None if new is None else new.client_id,
    )


def _may_end(run: SessionRun, marker: Marker) -> bool:
    """Tell whether an old session has got all that came before the marker.

    Where the marker does not come, for the broker does not let us, it has got everything once it
    has been idle for a while: then nothing is queued for it.
    """
    silent_seconds = asyncio.get_running_loop().time() - marker.looked_at
    return marker.heard or (run.flow.idle and silent_seconds >= IDLE_SECONDS)


def _refused(topic: str) -> Trouble:
    return Trouble(
        reason=Reason.MARKER_REFUSED,
        message=f"the broker does not let us use {topic}: whether the new session got what the old"
        " one missed was left to time",
        cure="allow this client to publish and to subscribe to mqttkafka/<prefix>/marker/#",
    )
