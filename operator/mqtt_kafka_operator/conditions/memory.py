"""What stays true of a bridge while nobody has asked its pods yet: a new leader knows nothing.

Without this a restart of the operator would declare every bridge to be starting, and write that.
"""

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_operator.api import Condition, OperatorReason
from mqtt_kafka_operator.conditions.verdict import Verdict
from mqtt_kafka_operator.facts import Facts

_TROUBLES = frozenset(it.value for it in Reason) - {
    Reason.CONNECTED.value,
    Reason.NO_MAPPINGS.value,
    Reason.STARTING.value,
}
_NEUTRAL = frozenset(
    it.value
    for it in (
        OperatorReason.NOT_BLOCKED,
        OperatorReason.NO_RISK,
        OperatorReason.STATUS_UNREACHABLE,
        OperatorReason.STATUS_NOT_UNDERSTOOD,
    )
)


def is_serving(facts: Facts) -> bool:
    """Tell whether Kubernetes finds a pod ready; its links are up then, for the probe asks that."""
    return facts.workload is not None and facts.workload.ready > 0


def is_unasked(facts: Facts) -> bool:
    """Tell whether there are pods that could be asked, and no answer of any kind yet."""
    return not facts.answers and any(pod.can_be_asked for pod in facts.pods)


def kept(facts: Facts, previous: Condition | None) -> Verdict | None:
    """Return what was said before, if it still holds as long as nobody knows better.

    A pod's trouble does; that all is well only while Kubernetes finds a pod ready.
    """
    if previous is None or not is_unasked(facts):
        return None
    well = previous.status == "True" or previous.reason in _NEUTRAL
    if previous.reason in _TROUBLES or (well and is_serving(facts)):
        return Verdict(
            previous.status, previous.reason, previous.message, previous.observed_generation
        )
    return None
