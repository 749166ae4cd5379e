"""`translate`: one resource in, one `Translation` out, or every mistake in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.reading import read_config
from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.errors import SpecError
from mqtt_kafka_operator.translate.configuration import SecretReference, configuration
from mqtt_kafka_operator.translate.document import digest, plain, text
from mqtt_kafka_operator.translate.generation import Running, generation
from mqtt_kafka_operator.translate.grace import grace_mistakes
from mqtt_kafka_operator.translate.places import in_the_resource
from mqtt_kafka_operator.translate.resume import read_resume


@dataclass(frozen=True)
class Translation:
    """What the pods of a bridge are told."""

    config: BridgeConfig
    secrets: tuple[SecretReference, ...]
    """Every reference to a Secret, in the order of the spec; two may name one entry."""

    @cached_property
    def file(self) -> str:
        """The text of the configuration file."""
        return text(self.config)

    @cached_property
    def config_hash(self) -> str:
        """Of the configuration, its generation included: another one rolls the pods."""
        return digest(plain(self.config))

    @cached_property
    def secret_keys(self) -> Mapping[str, tuple[str, ...]]:
        """The keys that are needed of each Secret; both sorted, none twice."""
        names = sorted({reference.secret for reference in self.secrets})
        return {
            name: tuple(sorted({r.key for r in self.secrets if r.secret == name})) for name in names
        }


def translate(bridge: Bridge, running: Running | None = None) -> Translation:
    """Return what the pods of a bridge are told.

    Args:
        bridge: the resource.
        running: what its pods were told last; None: there are none.

    Raises:
        SpecError: with every mistake that the bridge's own contract finds, by its field here.
    """
    resume = read_resume(bridge)
    written = configuration(bridge, resume.tokens)
    config = read_config(written.data)
    mistakes = [*resume.mistakes, *grace_mistakes(bridge.spec)]
    if not isinstance(config, BridgeConfig):
        raise SpecError([*(in_the_resource(mistake) for mistake in config), *mistakes])
    if mistakes:
        raise SpecError(mistakes)
    chosen = generation(config, bridge.generation, running)
    return Translation(config.model_copy(update={"generation": chosen}), written.secrets)
