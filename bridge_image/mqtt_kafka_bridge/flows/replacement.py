"""Replacing the sessions of a mapping's member: the new one misses nothing when the old ones end.

    the new one subscribes, and leaves what comes with the broker
    a marker is published; the old one forwards until it has got it, and for a grace
    the old one unsubscribes, gets what is still queued up to another marker, finishes, and is ended
    the new one forwards

Nothing is lost, and what both got in between is repeated. A pod that takes over in the middle
begins from the top: each step may be done again.
"""

import asyncio
from contextlib import suppress
from typing import Protocol

import structlog

from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.coordination.plan import Lineage, Wanted
from mqtt_kafka_bridge.flows.markers import Announcement, Marker
from mqtt_kafka_bridge.flows.session_run import SessionRun
from mqtt_kafka_bridge.mqtt.link import Link

log = structlog.get_logger()
AGAIN_SECONDS = 1.0
"""How often the marker is published."""
IDLE_SECONDS = 10.0
"""After so long without a message an old session has nothing more to get, marker or not."""
SILENT_SECONDS = 1.0
"""After so long without a message nothing is queued for a share."""
SHARE_SECONDS = 30.0
"""How long an old share is given to become empty while devices publish."""
GRACE_SECONDS = 2.0
"""How long the old sessions go on after the marker: by then all nodes of a cluster route to the
new one. Where no marker may be published it is all there is."""


class Sessions(Protocol):
    """Runs, and ends, the sessions of a lineage."""

    def begin(self, wanted: Wanted, marker: Marker) -> SessionRun:
        """Begin to run one that is being replaced, in a task of its own."""
        ...

    def reserve(self, wanted: Wanted) -> SessionRun:
        """Begin to keep one subscribed that does not take anything yet."""
        ...

    async def end_run(self, run: SessionRun) -> None:
        """End to run one; its session stays at the broker."""
        ...

    async def retire(self, run: SessionRun) -> None:
        """End one that is drained, and its session at the broker."""
        ...

    def share_ends(self, old: Wanted) -> bool:
        """Tell whether a session is of a share in which no other stays."""
        ...


async def replace(lineage: Lineage, marker_topic: str, sessions: Sessions) -> None:
    """Replace the old sessions of a lineage by its new one, or by none; the new one is yet to run.

    Only one forwards at a time, the oldest first, or a later message would overtake an earlier one.

    Args:
        lineage: with old sessions.
        marker_topic: where the marker is published.
        sessions: runs them.
    """
    reserve = None if lineage.new is None else sessions.reserve(lineage.new)
    if reserve is not None:
        await reserve.flow.session.subscribed.wait()
    for old in lineage.old:
        marker = Marker(marker_topic)
        run = sessions.begin(old, marker)
        await run.flow.session.subscribed.wait()
        await _finish(run, marker, reserve or run, share_ends=sessions.share_ends(old))
        await sessions.retire(run)
    if reserve is not None:
        await sessions.end_run(reserve)
    _say(lineage)


def _say(lineage: Lineage) -> None:
    log.info(
        "session retired" if lineage.new is None else "session replaced",
        mapping=lineage.old[0].mapping.name,
        old=[old.client_id for old in lineage.old],
        new=None if lineage.new is None else lineage.new.client_id,
    )


async def _finish(
    run: SessionRun, marker: Marker, publisher: SessionRun, *, share_ends: bool
) -> None:
    """Forward all that an old session has to, and disconnect."""
    session = run.flow.session
    while not session.leaving:
        link = await _get_all(run, marker, publisher)
        if share_ends:
            await _empty_share(run)
        await asyncio.sleep(GRACE_SECONDS)
        if await session.may_leave(link):
            await run.begin_to_leave()
    await _get_all(run, marker, publisher)
    await run.flow.drain()


async def _get_all(run: SessionRun, marker: Marker, publisher: SessionRun) -> Link | None:
    """Let an old session get all that was published before this moment; return the link it took.

    Where the marker does not come, for some brokers do not let it, and need not say so, it has got
    everything once it has been idle for a while over a link that lives: nothing is queued for it.
    Of a session that the broker has forgotten there is nothing to get.
    """
    marker.expect_another()
    announcement, session = Announcement(marker), run.flow.session
    while not session.forgotten:
        publisher.flow.session.announce(announcement)
        with suppress(TimeoutError):
            async with asyncio.timeout(AGAIN_SECONDS):
                await marker.heard.wait()
        link = session.link
        if marker.heard.is_set():
            return link
        if await _idle(run, IDLE_SECONDS):
            publisher.note_risk(_refused(marker.topic))
            return link
    return None


async def _idle(run: SessionRun, seconds: float) -> bool:
    """Tell whether the broker has nothing more for a session than what it has sent."""
    link = run.flow.session.link
    return (
        link is not None
        and run.flow.idle_seconds >= seconds
        and await run.flow.session.answers(link)
        and run.flow.idle_seconds >= seconds
    )


async def _empty_share(run: SessionRun) -> None:
    """Let the last member of a share get what is queued for the share, which no marker tells.

    Some brokers (HiveMQ) keep one queue for a share: a marker overtakes it, and when the last
    member unsubscribes, what is left is dropped. While devices publish it may never be empty.
    """
    now = asyncio.get_running_loop().time
    until = now() + SHARE_SECONDS
    while not run.flow.session.forgotten and not await _idle(run, SILENT_SECONDS):
        if now() >= until:
            run.note_risk(_SHARE_NOT_EMPTY)
            return
        await asyncio.sleep(AGAIN_SECONDS / 4)


def _refused(topic: str) -> Trouble:
    return Trouble(
        reason=Reason.MARKER_REFUSED,
        message=f"the broker does not let us use {topic}: whether the new session got what the old"
        " one missed was left to time",
        cure="allow this client to publish and to subscribe to mqttkafka/<prefix>/marker/#",
    )


_SHARE_NOT_EMPTY = Trouble(
    reason=Reason.SHARE_NOT_EMPTY,
    message=f"its old subscription was shared and did not fall silent for {SHARE_SECONDS:g} s:"
    " whether the broker had more queued for it is not known",
    cure="edit a mapping with ordering None while little is published, where the broker keeps one"
    " queue for a share (HiveMQ)",
)
