"""Making the objects of a bridge what they should be, with as few calls as that takes.

Nothing is written that is as it should be already, nothing that belongs to somebody else, and what
is there and not wanted any more goes.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import structlog

from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.api.spec import KIND
from mqtt_kafka_operator.cluster import Cluster, Key, Kind, Manifest, Mirror, is_as_wanted, marked
from mqtt_kafka_operator.cluster.comparing import APPLIED_HASH
from mqtt_kafka_operator.cluster.kinds import kind_of
from mqtt_kafka_operator.errors import NameConflictError, PassingError

_log = structlog.get_logger()
_CONTROLLERS_OWN: Final = frozenset({"deployment.kubernetes.io/revision"})
"""Annotations that come and go by themselves."""


class _Bent(NamedTuple):
    """An object that is not as it was applied."""

    applied: str
    """Hash of what was applied."""
    became: str
    """Hash of what it is."""


class Objects:
    """What bridges are made of.

    Args:
        cluster: the API server.
        mirror: what is known of it.
    """

    def __init__(self, cluster: Cluster, mirror: Mirror) -> None:
        self._cluster, self._mirror = cluster, mirror
        self._bent: dict[tuple[Key, Kind], _Bent] = {}

    async def make(self, bridge: Bridge, wanted: Iterable[Manifest]) -> None:
        """Make all of them be there as wanted, in that order, and none else.

        Raises:
            NameConflictError: one of the names is taken; nothing was written.
            RefusedByClusterError: the API server does not take one; those before it are written.
            PassingError: it is to be tried again.
        """
        manifests = [marked(manifest) for manifest in wanted]
        found = await asyncio.gather(*(self._live(it) for it in manifests))
        for manifest, live in zip(manifests, found, strict=True):
            if live is not None:
                _check_owner(bridge, manifest, live)
        for manifest, live in zip(manifests, found, strict=True):
            await self._apply(manifest, live)
        await self._remove_others(bridge, {kind_of(manifest) for manifest in manifests})

    async def make_once(self, bridge: Bridge, manifest: Manifest) -> None:
        """Make an object be there that never changes, such as a Job.

        Raises:
            NameConflictError: its name is taken.
            RefusedByClusterError: the API server does not take it.
            PassingError: it is to be tried again.
        """
        live = await self._live(manifest)
        if live is None:
            self._mirror.put(kind_of(manifest), await self._cluster.apply(manifest, None))
        else:
            _check_owner(bridge, manifest, live)

    async def find_own(self, bridge: Key, uid: str, kind: Kind, name: str) -> Manifest | None:
        """Return an object of a bridge, if it is there and is the bridge's."""
        live = self._mirror.find(kind, bridge.namespace, name)
        if live is None:
            live = await self._look_up(kind, bridge.namespace, name)
        return live if live is not None and _owner_uid(live) == uid else None

    def forget(self, bridge: Key) -> None:
        """Forget what is only of use as long as the bridge is there."""
        for it in [it for it in self._bent if it[0] == bridge]:
            del self._bent[it]

    async def _live(self, manifest: Mapping[str, Any]) -> Manifest | None:
        metadata = manifest["metadata"]
        where = (kind_of(manifest), metadata["namespace"], metadata["name"])
        return self._mirror.find(*where) or await self._look_up(*where)

    async def _look_up(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Ask for what nobody told of: an object without our labels is told of by no watch."""
        live = await self._cluster.read(kind, namespace, name)
        if live is not None:
            self._mirror.put(kind, live)
        return live

    async def _apply(self, manifest: Manifest, live: Manifest | None) -> None:
        kind, metadata = kind_of(manifest), manifest["metadata"]
        place = (Key(metadata["namespace"], metadata["labels"][names.SELECTOR]), kind)
        applied = metadata["annotations"][APPLIED_HASH]
        if live is not None:
            if is_as_wanted(live, manifest) or self._bent.get(place) == (applied, _hash(live)):
                return
            uid = live["metadata"]["uid"]
        became = await self._cluster.apply(manifest, uid if live is not None else None)
        self._mirror.put(kind, became)
        self._bent.pop(place, None)
        if not is_as_wanted(became, manifest):
            # Something that everybody passes changes it; to apply it for ever would not help.
            self._bent[place] = _Bent(applied, _hash(became))
            _log.warning("object_changed_on_its_way", kind=kind.kind, **_named(metadata))

    async def _remove_others(self, bridge: Bridge, wanted: set[Kind]) -> None:
        for kind, name in self._mirror.children(Key(bridge.namespace, bridge.name)):
            live = self._mirror.find(kind, bridge.namespace, name)
            unwanted = kind not in wanted and kind in names.CHILDREN
            if unwanted and live is not None and _owner_uid(live) == bridge.uid:
                await self._cluster.delete(kind, bridge.namespace, name, live["metadata"]["uid"])


def _check_owner(bridge: Bridge, manifest: Manifest, live: Manifest) -> None:
    """See that an object that is there is the bridge's, or nobody's and made for it.

    Raises:
        NameConflictError: it is somebody else's.
        PassingError: it is of a bridge that had the name before, and goes.
    """
    uid, labels = _owner_uid(live), live["metadata"].get("labels") or {}
    if uid == bridge.uid:
        return
    if uid is None and names.labels(bridge.name).items() <= labels.items():
        return  # the bridge was deleted without what it owned, and made anew
    what = f"{manifest['kind']} {manifest['metadata']['name']}"
    owner = _controller(live)
    if owner.get("kind") == KIND and owner.get("name") == bridge.name:
        raise PassingError(f"{what} is of a deleted bridge of that name, and is being removed")
    whose = f"{owner['kind']} {owner['name']} owns" if owner else "the operator did not make"
    raise NameConflictError(
        f"there is a {what} already, which {whose}",
        f"delete or rename it, or give the bridge another name than {bridge.name}",
    )


def _controller(live: Manifest) -> dict[str, Any]:
    references = live["metadata"].get("ownerReferences") or ()
    return next((it for it in references if it.get("controller")), {})


def _owner_uid(live: Manifest) -> str | None:
    return _controller(live).get("uid")


def _hash(live: Manifest) -> str:
    """Return a hash of what is written in an object, not of what happens to it."""
    metadata = live["metadata"]
    annotations = metadata.get("annotations") or {}
    kept = {key: it for key, it in annotations.items() if key not in _CONTROLLERS_OWN}
    content = {key: it for key, it in live.items() if key not in {"metadata", "status"}}
    everything = [metadata["uid"], metadata.get("labels"), kept, content]
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def _named(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {"namespace": metadata["namespace"], "name": metadata["name"]}
