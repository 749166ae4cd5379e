"""What is known of Secrets: what tells versions apart and the names of keys, never what is in them.

Only those that bridges name are remembered; a cluster may have very many others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mqtt_kafka_operator.cluster.kinds import Key, Manifest


class SecretFacts(NamedTuple):
    """One Secret."""

    uid: str
    version: str
    """Its resourceVersion."""
    keys: frozenset[str]
    """Those with something under them."""

    @classmethod
    def of(cls, secret: Manifest) -> "SecretFacts":
        """Read a Secret, as the API server has it."""
        metadata, data = secret["metadata"], secret.get("data") or {}
        keys = frozenset(key for key, value in data.items() if value)
        return cls(metadata["uid"], metadata["resourceVersion"], keys)


class _Secret(NamedTuple):
    namespace: str
    name: str


class KnownSecrets:
    """The Secrets that bridges name, and which bridges those are."""

    def __init__(self) -> None:
        self._facts: dict[_Secret, SecretFacts] = {}
        self._named_by: defaultdict[_Secret, set[Key]] = defaultdict(set)
        self._names: dict[Key, frozenset[str]] = {}

    def note_names(self, bridge: Key, secrets: Iterable[str]) -> None:
        """Take note of all the Secrets that a bridge names."""
        wanted, before = frozenset(secrets), self._names.pop(bridge, frozenset())
        for secret in (_Secret(bridge.namespace, name) for name in before - wanted):
            self._named_by[secret].discard(bridge)
            if not self._named_by[secret]:
                del self._named_by[secret]
                self._facts.pop(secret, None)
        for secret in (_Secret(bridge.namespace, name) for name in wanted):
            self._named_by[secret].add(bridge)
        if wanted:
            self._names[bridge] = wanted

    def find(self, namespace: str, name: str) -> SecretFacts | None:
        """Return what is known of a Secret; None: it has to be looked up."""
        return self._facts.get(_Secret(namespace, name))

    def put(self, namespace: str, name: str, facts: SecretFacts) -> None:
        """Take note of a Secret that was looked up."""
        self._facts[_Secret(namespace, name)] = facts

    def changed(self, metadata: Mapping[str, Any], *, gone: bool) -> set[Key]:
        """Take note of what a watch tells of a Secret; return the bridges that it is news for.

        Args:
            metadata: of the Secret.
            gone: whether it was deleted.
        """
        secret = _Secret(metadata["namespace"], metadata["name"])
        known = self._facts.get(secret)
        if known is not None:
            is_known = known[:2] == (metadata["uid"], metadata["resourceVersion"])
            if known.uid != metadata["uid"] if gone else is_known:
                return set()
            del self._facts[secret]
        return set(self._named_by.get(secret, ()))

    def forget_facts(self) -> None:
        """Have every Secret looked up again."""
        self._facts.clear()
