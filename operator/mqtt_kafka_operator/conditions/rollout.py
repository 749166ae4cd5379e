"""How far the pods are on their way to what was applied last."""

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.conditions.pods import pods_concern
from mqtt_kafka_operator.conditions.telling import Told
from mqtt_kafka_operator.conditions.verdict import Verdict
from mqtt_kafka_operator.conditions.wishes import hindrance
from mqtt_kafka_operator.facts import Facts


def is_rolled_out(facts: Facts) -> bool:
    """Tell whether all pods are of the newest template, and have been ready since."""
    it = facts.workload
    if it is None or not it.observed or not it.desired == it.replicas == it.updated:
        return False
    return it.settled or it.ready >= it.desired


def is_in_effect(facts: Facts) -> bool:
    """Tell whether what forwards does so by the newest spec: no older pod is left.

    Fewer pods than asked for, or pods that are not ready, do not matter for that.
    """
    it = facts.workload
    if it is None or not it.observed or it.replicas != it.updated:
        return False
    wanted = facts.config_generation
    return wanted is None or all(pod.generation >= wanted for pod in facts.statuses)


def progressing(facts: Facts) -> Verdict:
    """Return whether pods are being made, replaced or taken away."""
    hindered = hindrance(facts)
    if hindered is not None:
        return Verdict("True" if facts.deleting else "False", hindered.reason, "see Ready")
    if facts.unmanaged:
        return Verdict("False", *UNMANAGED)
    if facts.paused:
        return _stopping(facts)
    if is_rolled_out(facts):
        return Verdict("False", OperatorReason.ROLLED_OUT.value)
    concern = pods_concern(facts)
    if facts.workload is not None and facts.workload.late:
        return Verdict("False", OperatorReason.ROLL_OUT_STUCK.value, (concern or _STUCK).message)
    return Verdict("True", OperatorReason.ROLLING_OUT.value, concern.message if concern else "")


def _stopping(facts: Facts) -> Verdict:
    if facts.workload is not None and facts.workload.replicas:
        text = "pods hand over what they have, and stop"
        return Verdict("True", OperatorReason.ROLLING_OUT.value, text)
    return Verdict("False", OperatorReason.PAUSED.value, "there shall be no pods")


def shortage(facts: Facts) -> Told | None:
    """Return what is to be said though all mappings forward: pods are missing, or on their way."""
    it = facts.workload
    concern = pods_concern(facts)
    if concern is not None:
        return concern
    if it is not None and it.late and not is_rolled_out(facts):
        return _STUCK
    if not is_rolled_out(facts):
        return Told(OperatorReason.ROLLING_OUT.value, "pods are being made, replaced or taken away")
    if it is not None and it.ready < it.desired:
        text = f"fewer pods are ready than asked for; see kubectl get pods -l {facts.selector}"
        return Told(OperatorReason.PODS_NOT_READY.value, text)
    return UNMANAGED if facts.unmanaged else None


_STUCK = Told(
    OperatorReason.ROLL_OUT_STUCK.value,
    "new pods do not become ready; see Ready, and kubectl describe of a pod",
)
UNMANAGED = Told(
    OperatorReason.UNMANAGED.value,
    "the annotation mqttkafka.dev/management-state: Unmanaged is set, so edits have no effect;"
    " remove it to have the operator take over again",
)
STARTING = Told(Reason.STARTING.value, "pods are being started; see Progressing")
