"""`Ready`: whether all that was asked for is being done. Its reason is the one thing that matters.

True means that every mapping forwards, by what the pods themselves say: the same promise as a
bridge's `/readyz`, for all pods and mappings together. It is stricter than a bridge's in one thing:
a mapping that stands still by itself (a poison message, a missing topic) makes the resource unready
and no pod, for nobody but people and pipelines look at the resource, and they should.

Fewer pods than asked for do not make it False while everything forwards: the work moves to those
that are there. The reason says so. A roll-out does not make it False either: pods hand over without
a gap. But then its `observedGeneration` stays behind until no pod of an older spec is left, so that
`kubectl wait --for=condition=Ready` waits for the new one.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_operator.api import Condition, OperatorReason
from mqtt_kafka_operator.conditions.memory import is_serving, kept
from mqtt_kafka_operator.conditions.pods import pods_concern
from mqtt_kafka_operator.conditions.rollout import STARTING, is_in_effect, shortage
from mqtt_kafka_operator.conditions.telling import Concern, Told, tell
from mqtt_kafka_operator.conditions.verdict import Verdict, bounded, sentence
from mqtt_kafka_operator.conditions.views import View
from mqtt_kafka_operator.conditions.wishes import hindrance
from mqtt_kafka_operator.facts import Facts, Silence

MOVE = timedelta(seconds=60)
"""How long a session may take to move, or a pod to start, before it counts."""
_STANDS = Trouble(reason=Reason.STARTING, message="it does not forward, and no pod says why")
_PAUSED = Told(
    OperatorReason.PAUSED.value, "nothing is forwarded; see Paused until when that is safe"
)
_POLICY = (
    "allow it: add a NetworkPolicy that lets pods of the operator's namespace reach those with the"
    " label {label} on their port named http"
)
_VERSIONS = "run the operator and the bridge image of one version; see spec.template"


def ready(
    facts: Facts, views: Sequence[View], previous: Condition | None, now: datetime
) -> Verdict:
    """Return whether every mapping forwards; see the module's text.

    Args:
        facts: what was observed.
        views: the mappings.
        previous: what was concluded before.
        now: the time, to tell what takes a moment from what takes too long.
    """
    hindered = hindrance(facts)
    if hindered is not None:
        return hindered
    if facts.paused:
        return Verdict("False", *_PAUSED)
    if not facts.statuses:
        return _untold(facts, previous)
    return _told(facts, views, previous, now)


def _told(
    facts: Facts, views: Sequence[View], previous: Condition | None, now: datetime
) -> Verdict:
    """Return what is to be said of what pods say."""
    was_ready = previous is not None and previous.status == "True"
    stuck = [
        Concern(view, view.trouble or _STANDS)
        for view in views
        if not view.is_well and not (was_ready and view.is_on_the_move and _is_recent(facts, now))
    ]
    told = tell(stuck, len(views), facts.name)
    if told is not None:
        return Verdict("False", *told)
    if not is_serving(facts):
        return Verdict("False", *(pods_concern(facts) or STARTING))
    silence = _silence(facts)
    if silence is not None and any(view.state is None for view in views):
        return Verdict("Unknown", *silence)
    told = _well(views, shortage(facts) or silence)
    return Verdict("True", *told, None if is_in_effect(facts) else _older(facts, previous))


def _untold(facts: Facts, previous: Condition | None) -> Verdict:
    """Return what is to be said when no pod gave its status."""
    concern = pods_concern(facts)
    if concern is not None:
        return Verdict("False", *concern)
    silence = _silence(facts)
    if silence is None:
        return kept(facts, previous) or Verdict("False", *STARTING)
    return Verdict("Unknown" if is_serving(facts) else "False", *silence)


def _silence(facts: Facts) -> Told | None:
    """Return why a pod that should tell how it is does not; None: all do, or may do soon."""
    answers = [facts.answers.get(pod.name) for pod in facts.staying]
    silences = [it for it in answers if isinstance(it, Silence)]
    if not silences:
        return None
    worst = min(silences, key=lambda it: (it.reason, it.message))
    cure = _VERSIONS
    if worst.reason is OperatorReason.STATUS_UNREACHABLE:
        cure = _POLICY.format(label=facts.selector.replace("=", ": "))
    text = sentence(f"the operator can't ask the pods: {worst.message}", cure)
    return Told(worst.reason.value, bounded(text))


def _is_recent(facts: Facts, now: datetime) -> bool:
    """Tell whether pods or sessions have just come to where they are."""
    times = [pod.started_at for pod in facts.statuses]
    times += [session.since for pod in facts.statuses for session in pod.sessions]
    return any(now - time < MOVE for time in times)


def _well(views: Sequence[View], but: Told | None) -> Told:
    what = "all mappings forward" if views else "there is no mapping, so nothing is forwarded"
    if but is not None:
        return Told(but.reason, bounded(f"{what}, but {but.message}"))
    reason = OperatorReason.AS_EXPECTED if views else Reason.NO_MAPPINGS
    return Told(reason.value, what)


def _older(facts: Facts, previous: Condition | None) -> int:
    """Return the generation of which it was true before this roll-out, as far as that is known.

    Pods also roll without an edit, when a Secret is rotated: then it is the newest one.
    """
    if previous is not None and previous.status == "True":
        return min(previous.observed_generation, facts.generation)
    return facts.generation - 1
