"""The bridge's configuration as plain data, from what the user set and nothing else.

The API has the contract's own words, so most of it is passed on as it is; what differs stands here
and in `places`. What the user left out is left to the contract's defaults.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mqtt_kafka_bridge.contract.config import VERSION
from mqtt_kafka_bridge.contract.mistakes import Location, Mistake
from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge

OPERATORS_OWN = frozenset({"replicas", "paused", "autoscaling", "observability", "template"})
"""Fields of `spec` that say how pods are made; the bridge is not told of them."""


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A place in the resource that names an entry of a Secret."""

    secret: str
    key: str
    at: Location
    """Such as spec, mqtt, authentication, passwordSecret."""

    @property
    def path(self) -> str:
        """The same as a person reads it: `spec.mqtt.authentication.passwordSecret`."""
        return Mistake(self.at, "", "").path


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration that nobody has checked yet."""

    data: dict[str, Any]
    secrets: tuple[SecretReference, ...]


def configuration(bridge: Bridge, resume_tokens: Mapping[str, str]) -> Configuration:
    """Return the configuration that a resource asks for; with `metadata.generation`."""
    spec = bridge.spec.model_dump(
        mode="json", exclude=set(OPERATORS_OWN), exclude_unset=True, exclude_none=True
    )
    secrets = tuple(_files_for_secrets(spec))
    for mapping in spec.get("mqttToKafka", []):
        if token := resume_tokens.get(mapping["name"]):
            mapping["resumeToken"] = token
    observability = bridge.spec.observability
    log = (
        {"level": observability.log_level} if "log_level" in observability.model_fields_set else {}
    )
    data = {
        "version": VERSION,
        "name": bridge.name,
        "namespace": bridge.namespace,
        "generation": bridge.generation,
        **spec,
        "log": log,
    }
    return Configuration(data, secrets)


def _files_for_secrets(spec: dict[str, Any]) -> Iterator[SecretReference]:
    """Put the file that an entry of a Secret is mounted as in the place of each reference."""
    for end in ("mqtt", "kafka"):
        if authentication := spec[end].get("authentication"):
            at: Location = ("spec", end, "authentication", "passwordSecret")
            reference = _reference(authentication.pop("passwordSecret"), at)
            authentication["passwordFile"] = _file(reference)
            yield reference
        tls = spec[end].get("tls", {})
        if "trustedCertificates" in tls:
            at = ("spec", end, "tls", "trustedCertificates")
            entries = enumerate(tls.pop("trustedCertificates"))
            references = [_reference(entry, (*at, index)) for index, entry in entries]
            tls["trustedCertificateFiles"] = [_file(reference) for reference in references]
            yield from references


def _reference(entry: Mapping[str, str], at: Location) -> SecretReference:
    return SecretReference(entry["secretName"], entry["key"], at)


def _file(reference: SecretReference) -> str:
    return names.secret_file(reference.secret, reference.key)
