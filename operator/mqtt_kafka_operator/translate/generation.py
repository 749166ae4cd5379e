"""Which `generation` a configuration has: that of the last edit that matters to the pods.

`metadata.generation` rises with every edit of the spec, `replicas` included, which an autoscaler
writes. A pod that reads a lower generation than is recorded steps back and serves what is recorded;
so a pod that merely came later must not have a higher one. What the pods were told stands in the
annotations of their template: as long as it is the same, its generation stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_operator import names
from mqtt_kafka_operator.translate.document import digest, plain


@dataclass(frozen=True, slots=True)
class Running:
    """What the pods of a bridge were told last."""

    generation: int
    config_hash: str

    @classmethod
    def of(cls, deployment: Mapping[str, Any] | None) -> "Running | None":
        """Read it from a Deployment as the API server has it; None: it does not say."""
        template = ((deployment or {}).get("spec") or {}).get("template") or {}
        annotations = (template.get("metadata") or {}).get("annotations") or {}
        generation = annotations.get(names.CONFIG_GENERATION, "")
        config_hash = annotations.get(names.CONFIG_HASH)
        if not generation.isdecimal() or config_hash is None:
            return None
        return cls(int(generation), config_hash)


def generation(config: BridgeConfig, of_the_resource: int, running: Running | None) -> int:
    """Return the generation that a configuration has to have.

    With other content it never falls: a resource that was deleted without its Deployment and made
    anew begins at 1 again. It may stay: then only annotations were edited, and the bridge does not
    take a new resume token for another content.
    """
    if running is None:
        return of_the_resource
    same = config.model_copy(update={"generation": running.generation})
    if digest(plain(same)) == running.config_hash:
        return running.generation
    return of_the_resource if of_the_resource >= running.generation else running.generation + 1
