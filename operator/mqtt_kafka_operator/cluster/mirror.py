"""What the operator knows of the cluster: fed by watches, by what its own calls return, by lists.

Objects are kept as JSON text, without what nobody looks at: a thousand bridges take some megabytes,
while as Python objects they would take ten times that. Of pods the facts are kept.
"""

import json
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from mqtt_kafka_operator import names
from mqtt_kafka_operator.cluster.kinds import BRIDGE, POD, Key, Kind, Manifest
from mqtt_kafka_operator.facts import Pod, pod

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_VOLATILE: Final = frozenset({"managedFields", "resourceVersion"})
_WITH_STATUS: Final = frozenset({BRIDGE, names.DEPLOYMENT, names.JOB})
_REMEMBERED_GONE: Final = 2000


class _Stored(NamedTuple):
    uid: str
    bridge: Key | None
    content: str
    """JSON."""
    version: int


_Address = tuple[Kind, str, str]


class Mirror:
    """Objects by kind, namespace and name, and by the bridge that each belongs to."""

    def __init__(self) -> None:
        self._objects: dict[_Address, _Stored] = {}
        self._children: defaultdict[Key, set[_Address]] = defaultdict(set)
        self._pods: defaultdict[Key, dict[str, Pod]] = defaultdict(dict)
        self._pod_versions: dict[str, int] = {}
        self._gone: deque[str] = deque(maxlen=_REMEMBERED_GONE)

    def bridges(self) -> list[Key]:
        """Return all bridges."""
        return [Key(namespace, name) for kind, namespace, name in self._objects if kind == BRIDGE]

    def find(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object, if it is known to be there; it is the caller's own."""
        stored = self._objects.get((kind, namespace, name))
        if stored is None:
            return None
        found: Manifest = json.loads(stored.content)
        found["metadata"]["resourceVersion"] = str(stored.version)
        return found

    def children(self, bridge: Key) -> list[tuple[Kind, str]]:
        """Return kind and name of every object that belongs to a bridge, but for pods."""
        return [(kind, name) for kind, _, name in self._children.get(bridge, ())]

    def put(self, kind: Kind, manifest: Manifest) -> Key | None:
        """Take note of an object; return the bridge that it is news for, if it is."""
        if kind == POD:
            return self._put_pod(manifest)
        metadata = manifest["metadata"]
        address = (kind, metadata["namespace"], metadata["name"])
        bridge, version = _bridge_of(kind, metadata), int(metadata["resourceVersion"])
        stored = _Stored(metadata["uid"], bridge, _content(kind, manifest), version)
        known = self._objects.get(address)
        if stored.uid in self._gone or (known is not None and known.version > version):
            return None  # it comes late
        if known is not None:
            self._remove(address)
        self._objects[address] = stored
        if bridge is not None and kind != BRIDGE:
            self._children[bridge].add(address)
        same = known is not None and known[:3] == stored[:3]
        return None if same else bridge

    def drop(self, kind: Kind, manifest: Manifest) -> Key | None:
        """Take note that an object is gone; return the bridge that it is news for, if it is."""
        metadata = manifest["metadata"]
        bridge = _bridge_of(kind, metadata)
        self._gone.append(metadata["uid"])
        if kind == POD:
            return bridge if bridge and self._drop_pod(bridge, metadata["name"]) else None
        address = (kind, metadata["namespace"], metadata["name"])
        known = self._objects.get(address)
        if known is None or known.uid != metadata["uid"]:
            return None  # another one has its name by now
        self._remove(address)
        return bridge

    def forget_absent(
        self, kind: Kind, namespace: str | None, present: Collection[str], version: int
    ) -> set[Key]:
        """Remove what a list did not find; return the bridges that it is news for.

        Args:
            kind: what was listed.
            namespace: where; None: everywhere.
            present: uids of what was found.
            version: of the list; what is newer came after it.
        """
        if kind == POD:
            return self._forget_absent_pods(namespace, present, version)
        absent = [
            address
            for address, stored in self._objects.items()
            if address[0] == kind
            and namespace in {None, address[1]}
            and stored.version <= version
            and stored.uid not in present
        ]
        return {bridge for address in absent if (bridge := self._remove(address))}

    def _forget_absent_pods(
        self, namespace: str | None, present: Collection[str], version: int
    ) -> set[Key]:
        absent = [
            (bridge, it.name)
            for bridge, pods in self._pods.items()
            if namespace in {None, bridge.namespace}
            for it in pods.values()
            if it.uid not in present and self._pod_versions[it.uid] <= version
        ]
        return {bridge for bridge, name in absent if self._drop_pod(bridge, name)}

    def _remove(self, address: _Address) -> Key | None:
        bridge = self._objects.pop(address).bridge
        if bridge is not None and (children := self._children.get(bridge)):
            children.discard(address)
            if not children:
                del self._children[bridge]
        return bridge

    def pods(self, bridge: Key) -> tuple[Pod, ...]:
        """Return the pods of a bridge."""
        return tuple(self._pods.get(bridge, {}).values())

    def _put_pod(self, manifest: Manifest) -> Key | None:
        metadata = manifest["metadata"]
        bridge, version = _bridge_of(POD, metadata), int(metadata["resourceVersion"])
        late = self._pod_versions.get(metadata["uid"], 0) > version
        if bridge is None or late or metadata["uid"] in self._gone:
            return None
        self._pod_versions[metadata["uid"]] = version
        fact, known = pod(manifest), self._pods[bridge].get(metadata["name"])
        self._pods[bridge][metadata["name"]] = fact
        return None if fact == known else bridge

    def _drop_pod(self, bridge: Key, name: str) -> bool:
        pods = self._pods.get(bridge, {})
        known = pods.pop(name, None)
        if known is not None:
            self._pod_versions.pop(known.uid, None)
        if not pods:
            self._pods.pop(bridge, None)
        return known is not None


def _bridge_of(kind: Kind, metadata: Mapping[str, Any]) -> Key | None:
    """Return whose object it is: by its owner, for a label is easily edited; by that otherwise."""
    if kind == BRIDGE:
        return Key(metadata["namespace"], metadata["name"])
    owners = (
        it["name"] for it in metadata.get("ownerReferences") or () if it["kind"] == BRIDGE.kind
    )
    name = next(owners, None) or (metadata.get("labels") or {}).get(names.SELECTOR)
    return Key(metadata["namespace"], name) if name else None


def _content(kind: Kind, manifest: Manifest) -> str:
    """Return the JSON of an object without what nobody looks at."""
    metadata = {key: it for key, it in manifest["metadata"].items() if key not in _VOLATILE}
    if _LAST_APPLIED in metadata.get("annotations", {}):
        metadata["annotations"] = {
            key: it for key, it in metadata["annotations"].items() if key != _LAST_APPLIED
        }
    kept = {key: it for key, it in manifest.items() if key != "status" or kind in _WITH_STATUS}
    return json.dumps({**kept, "metadata": metadata}, separators=(",", ":"))
