"""What the pods say of their links, of dead letters and of risks, as conditions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from mqtt_kafka_bridge.contract.base import format_duration
from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.conditions.order import is_of_kafka, is_of_mqtt
from mqtt_kafka_operator.conditions.telling import Concern, tell
from mqtt_kafka_operator.conditions.verdict import Verdict
from mqtt_kafka_operator.conditions.views import View
from mqtt_kafka_operator.facts import Facts

_UNTRIED = Trouble(reason=Reason.STARTING, message="not tried yet")
_BLAMED: dict[str, Callable[[Reason], bool]] = {"mqtt": is_of_mqtt, "kafka": is_of_kafka}
_OTHER: dict[str, Callable[[Reason], bool]] = {"mqtt": is_of_kafka, "kafka": is_of_mqtt}


def connected(facts: Facts, views: Sequence[View], side: Literal["mqtt", "kafka"]) -> Verdict:
    """Return whether all links of one side are up.

    A link that waits for the other side, or for a session that another pod hands over, says nothing
    about this one.
    """
    links = [(view, link) for view in views for link in view.links(side)]
    down = [Concern(view, link.trouble or _UNTRIED) for view, link in links if not link.connected]
    blamed = [it for it in down if _BLAMED[side](it.trouble.reason)]
    unclear = [it for it in down if it.trouble.reason is Reason.SECRET_UNREADABLE]
    failed = tell(blamed + unclear, len(views), facts.name)
    if failed is not None:
        return Verdict("False", *failed)
    if len(down) < len(links):
        return Verdict("True", Reason.CONNECTED.value)
    waiting = tell(down, len(views), facts.name)
    if waiting is not None:
        return Verdict("Unknown", *waiting)
    return Verdict("Unknown", Reason.NO_MAPPINGS.value, "no mapping runs, so no link is opened")


def dead_letter_blocked(facts: Facts, views: Sequence[View]) -> Verdict:
    """Return whether a mapping waits because its dead letters can't be written."""
    blocked = [
        Concern(view, trouble)
        for view in views
        for trouble in view.troubles
        if trouble.reason is Reason.DEAD_LETTER_BLOCKED
    ]
    told = tell(blocked, len(views), facts.name)
    if told is None:
        return Verdict("False", OperatorReason.NOT_BLOCKED.value)
    return Verdict("True", *told)


def data_loss_risk(facts: Facts, views: Sequence[View]) -> Verdict:
    """Return whether anything is known under which the guarantees can't hold."""
    risks = [Concern(view, risk) for view in views for risk in view.risks]
    told = tell(risks, len(views), facts.name)
    if told is None:
        return Verdict("False", OperatorReason.NO_RISK.value)
    return Verdict("True", *told)


def paused_too_long(facts: Facts, paused_since: datetime, now: datetime) -> Verdict | None:
    """Return what is to be said of a pause that outlasts the sessions; None while it does not."""
    if facts.spec is None or now - paused_since <= facts.spec.mqtt.session_expiry:
        return None
    kept = format_duration(facts.spec.mqtt.session_expiry)
    return Verdict(
        "True",
        OperatorReason.PAUSE_OUTLASTS_SESSIONS.value,
        f"the bridge has been paused for longer than mqtt.sessionExpiry ({kept}): the broker may"
        " have dropped its sessions and what it held for them; resume it, and raise"
        " mqtt.sessionExpiry before the next long pause",
    )
