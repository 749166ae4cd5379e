"""Whether the Secrets that a bridge names are there."""

from collections.abc import Iterator, Mapping

from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_operator.cluster import SECRET, Cluster, Key, KnownSecrets, SecretFacts
from mqtt_kafka_operator.facts import MissingSecret
from mqtt_kafka_operator.render import SecretVersion
from mqtt_kafka_operator.translate import Translation

_NONE = SecretVersion("", "")


class Secrets:
    """Looks Secrets up, once a version.

    Args:
        cluster: the API server.
        known: what is known already; a watch tells it of every change.
    """

    def __init__(self, cluster: Cluster, known: KnownSecrets) -> None:
        self._cluster, self._known = cluster, known

    async def look_up(
        self, bridge: Key, translation: Translation
    ) -> Mapping[str, SecretFacts | None]:
        """Return what is known of each Secret that a bridge names; None: it is not there."""
        self._known.note_names(bridge, translation.secret_keys)
        return {name: await self._find(bridge.namespace, name) for name in translation.secret_keys}

    async def _find(self, namespace: str, name: str) -> SecretFacts | None:
        facts = self._known.find(namespace, name)
        if facts is None:
            secret = await self._cluster.read(SECRET, namespace, name)
            if secret is None:
                return None
            facts = SecretFacts.of(secret)
            self._known.put(namespace, name, facts)
        return facts

    def forget(self, bridge: Key) -> None:
        """Forget what a bridge named."""
        self._known.note_names(bridge, ())


def missing_secrets(
    translation: Translation, found: Mapping[str, SecretFacts | None]
) -> Iterator[MissingSecret]:
    """Yield the references that lead nowhere."""
    for reference in translation.secrets:
        facts = found[reference.secret]
        path = Mistake(reference.at, "", "").path
        if facts is None:
            yield MissingSecret(path, reference.secret)
        elif reference.key not in facts.keys:
            yield MissingSecret(path, reference.secret, reference.key)


def versions(found: Mapping[str, SecretFacts | None]) -> dict[str, SecretVersion]:
    """Return which state of each Secret was seen."""
    return {
        name: _NONE if facts is None else SecretVersion(facts.uid, facts.version)
        for name, facts in found.items()
    }
