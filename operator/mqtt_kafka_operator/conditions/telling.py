"""Many troubles of many mappings as one reason and one sentence."""

from collections.abc import Sequence
from typing import NamedTuple

from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_operator.conditions.cures import cure
from mqtt_kafka_operator.conditions.order import worst
from mqtt_kafka_operator.conditions.verdict import bounded, mappings, sentence
from mqtt_kafka_operator.conditions.views import View

_ABOUT_ONE_MAPPING = frozenset(
    {
        Reason.MESSAGE_REFUSED,
        Reason.MQTT_SUBSCRIPTION_REFUSED,
        Reason.TOPIC_MISSING,
        Reason.TOPIC_FORBIDDEN,
        Reason.GROUP_FORBIDDEN,
    }
)
"""Each mapping's words are its own; those of the others are about a link that they all have."""


class Concern(NamedTuple):
    """A mapping and what is wrong with it."""

    view: View
    trouble: Trouble


class Told(NamedTuple):
    """A reason and what to say."""

    reason: str
    message: str


def tell(concerns: Sequence[Concern], of: int, bridge: str) -> Told | None:
    """Return the worst of all concerns, with those that have it.

    Args:
        concerns: what is wrong.
        of: how many mappings there are.
        bridge: the name of the resource.
    """
    told = worst(concern.trouble for concern in concerns)
    if told is None:
        return None
    one = told.reason in _ABOUT_ONE_MAPPING
    same = {
        view.name: None
        for view, trouble in concerns
        if trouble.reason is told.reason and (not one or trouble.message == told.message)
    }
    names = sorted(same)
    text = sentence(told.message, cure(told, bridge, names[0]))
    others = {concern.view.name for concern in concerns} - set(names)
    hint = " (other mappings have other troubles, see status.mappings)" if others else ""
    return Told(told.reason.value, bounded(f"{mappings(names, of)}: {text}{hint}"))
