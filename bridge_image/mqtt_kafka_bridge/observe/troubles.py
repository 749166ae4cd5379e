"""What is wrong at this moment, as one list: readiness and metrics say the same."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from mqtt_kafka_bridge.contract.status import Trouble
from mqtt_kafka_bridge.observe.board import MappingBoard

About = Literal["mapping", "mqtt", "kafka", "risk"]


class Concern(NamedTuple):
    """A trouble and what it is about: the mapping, one of its links, or a risk to its messages."""

    about: About
    trouble: Trouble


def link_concerns(mapping: MappingBoard) -> Iterator[Concern]:
    """List the links of a mapping that are down, with the reason."""
    if mapping.mqtt.trouble is not None:
        yield Concern("mqtt", mapping.mqtt.trouble)
    if mapping.kafka.trouble is not None:
        yield Concern("kafka", mapping.kafka.trouble)


def concerns(mapping: MappingBoard) -> Iterator[Concern]:
    """List everything that a person should know of a mapping."""
    if mapping.trouble is not None:
        yield Concern("mapping", mapping.trouble)
    yield from link_concerns(mapping)
    for risk in mapping.risks.values():
        yield Concern("risk", risk)
