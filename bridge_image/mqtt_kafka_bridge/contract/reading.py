"""From plain data to a `BridgeConfig`, or to every mistake in it.

The bridge reads a file this way, and whoever writes one for it can ask the same beforehand.
"""

from copy import deepcopy
from typing import Any, TypeVar

from pydantic import ValidationError

from mqtt_kafka_bridge.contract.base import Contract
from mqtt_kafka_bridge.contract.config import VERSION, BridgeConfig
from mqtt_kafka_bridge.contract.connection import Kafka
from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt, MqttToKafka
from mqtt_kafka_bridge.contract.mistakes import Location, Mistake
from mqtt_kafka_bridge.contract.rules import INBOUND, OUTBOUND, Draft, broken_rules
from mqtt_kafka_bridge.contract.sentences import sentence, shown

_Model = TypeVar("_Model", bound=Contract)
_SOUND_ENDS = {
    "mqtt": {"servers": ["mqtt://localhost"]},
    "kafka": {"bootstrapServers": ["localhost:9092"]},
    INBOUND: [],
    OUTBOUND: [],
}


def read_config(data: object) -> BridgeConfig | list[Mistake]:
    """Return the configuration, or all mistakes in it.

    Args:
        data: as a YAML or JSON parser returns it.
    """
    if not isinstance(data, dict):
        message = "the file holds no keys" if data is None else f"the file holds {shown(data)}"
        return [Mistake((), message, f"begin with the key version: {VERSION}")]
    version = data.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        # Another version has other keys: more about this file would only mislead.
        message = f"is {shown(version)}, which this bridge does not understand"
        return [Mistake(("version",), message, f"write {VERSION}, the only version so far")]
    try:
        config = BridgeConfig.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        mistakes = [sentence(detail) for detail in details]
        sound = _without(data, [detail["loc"] for detail in details])
        return mistakes + broken_rules(_draft(sound))
    return broken_rules(Draft.of(config)) or config


def _without(data: dict[str, Any], bad: list[Location]) -> dict[str, Any]:
    """Return a copy without the values in which something is wrong, as far as that goes."""
    copy = deepcopy(data)
    for at in reversed(list(dict.fromkeys(bad))):
        *parents, last = (step for step in at if step != "[key]")
        holder: Any = copy
        for step in parents:
            holder = holder.get(step) if isinstance(holder, dict) else holder[step]
        if isinstance(holder, dict):
            holder.pop(last, None)
        elif isinstance(holder, list) and isinstance(last, int) and len(at) > len((INBOUND, 0)):
            del holder[last]
    return copy


def _draft(data: dict[str, Any]) -> Draft:
    """Return what is sound in a configuration that is not sound as a whole."""
    kafka = _attempt(Kafka, data.get("kafka"))
    ends = _SOUND_ENDS | ({"kafka": data["kafka"]} if kafka else {})
    frame = _attempt(BridgeConfig, data | ends)
    known = Draft.of(frame) if frame else None
    return Draft(
        inbound=_sound(MqttToKafka, data.get(INBOUND)),
        outbound=_sound(KafkaToMqtt, data.get(OUTBOUND)),
        dead_letter_topic=known.dead_letter_topic if known else None,
        loop_guard=known.loop_guard if known else True,
        coordination_topic=known.coordination_topic if known and kafka else None,
    )


def _sound(model: type[_Model], entries: object) -> dict[int, _Model]:
    """Return the entries of a list that are sound, by their place in it."""
    if not isinstance(entries, list):
        return {}
    tried = {index: _attempt(model, entry) for index, entry in enumerate(entries)}
    return {index: entry for index, entry in tried.items() if entry is not None}


def _attempt(model: type[_Model], data: object) -> _Model | None:
    try:
        return model.model_validate(data)
    except ValidationError:
        return None
