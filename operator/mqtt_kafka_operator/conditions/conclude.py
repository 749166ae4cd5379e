"""The status of a bridge, put together."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mqtt_kafka_operator.api import Condition, ConditionType, MqttKafkaBridgeStatus
from mqtt_kafka_operator.conditions.links import (
    connected,
    data_loss_risk,
    dead_letter_blocked,
    paused_too_long,
)
from mqtt_kafka_operator.conditions.memory import kept
from mqtt_kafka_operator.conditions.readiness import ready
from mqtt_kafka_operator.conditions.rollout import progressing
from mqtt_kafka_operator.conditions.verdict import Verdict
from mqtt_kafka_operator.conditions.views import View, session_counts, summary, views
from mqtt_kafka_operator.conditions.wishes import config_valid, paused, secrets_resolved
from mqtt_kafka_operator.facts import Facts, Workload

_NOTHING = MqttKafkaBridgeStatus()
_NO_PODS = Workload()


def conclude(
    facts: Facts, previous: MqttKafkaBridgeStatus | None, now: datetime
) -> MqttKafkaBridgeStatus:
    """Return the status that follows from what was observed.

    Args:
        facts: what was observed.
        previous: the status as the API server has it; None: there is none yet.
        now: the time, in UTC; whole seconds of it are used, as the API server keeps no others.

    Returns:
        `previous` itself if nothing in it would change, so that nobody writes it.
    """
    now = now.replace(microsecond=0)
    old = previous or _NOTHING
    before = {it.type: it for it in old.conditions}
    seen = views(facts)
    verdicts = _verdicts(facts, seen, before, now)
    workload = facts.workload or _NO_PODS
    links = before.get(ConditionType.MQTT_CONNECTED)
    told = bool(facts.statuses) or kept(facts, links) is None
    status = MqttKafkaBridgeStatus(
        observed_generation=facts.generation,
        replicas=workload.replicas,
        ready_replicas=workload.ready,
        selector=facts.selector,
        sessions=session_counts(facts) if told else old.sessions,
        mappings=[summary(view, facts) for view in seen] if told else old.mappings,
        conditions=[
            _condition(kind, verdicts[kind], facts.generation, before.get(kind.value), now)
            for kind in ConditionType
        ],
    )
    return previous if previous is not None and status == previous else status


def _verdicts(
    facts: Facts, seen: Sequence[View], before: Mapping[str, Condition], now: datetime
) -> dict[ConditionType, Verdict]:
    """Return what is to be said of each condition."""
    since = _since(before.get(ConditionType.PAUSED), now)
    is_ready = ready(facts, seen, before.get(ConditionType.READY), now)

    def told(kind: ConditionType, verdict: Verdict) -> Verdict:
        """Pass on what pods said; without a word of theirs nothing is known, and Ready says why."""
        if facts.statuses:
            return verdict
        nothing = Verdict("Unknown", is_ready.reason, "no pod tells; see Ready")
        return kept(facts, before.get(kind)) or nothing

    too_long = paused_too_long(facts, since, now) if facts.paused else None
    risk = told(ConditionType.DATA_LOSS_RISK, data_loss_risk(facts, seen))
    blocked = dead_letter_blocked(facts, seen)
    return {
        ConditionType.READY: is_ready,
        ConditionType.CONFIG_VALID: config_valid(facts),
        ConditionType.SECRETS_RESOLVED: secrets_resolved(facts),
        ConditionType.MQTT_CONNECTED: told(
            ConditionType.MQTT_CONNECTED, connected(facts, seen, "mqtt")
        ),
        ConditionType.KAFKA_CONNECTED: told(
            ConditionType.KAFKA_CONNECTED, connected(facts, seen, "kafka")
        ),
        ConditionType.PROGRESSING: progressing(facts),
        ConditionType.PAUSED: paused(facts, since),
        ConditionType.DEAD_LETTER_BLOCKED: told(ConditionType.DEAD_LETTER_BLOCKED, blocked),
        ConditionType.DATA_LOSS_RISK: too_long or risk,
    }


def _since(pause: Condition | None, now: datetime) -> datetime:
    """Return since when the bridge is paused, if it is."""
    return pause.last_transition_time if pause is not None and pause.status == "True" else now


def _condition(
    kind: ConditionType,
    verdict: Verdict,
    generation: int,
    previous: Condition | None,
    now: datetime,
) -> Condition:
    """Date a verdict: the time moves only when the status flips."""
    stays = previous is not None and previous.status == verdict.status
    return Condition(
        type=kind.value,
        status=verdict.status,
        observed_generation=generation if verdict.generation is None else verdict.generation,
        last_transition_time=previous.last_transition_time if previous and stays else now,
        reason=verdict.reason,
        message=verdict.message,
    )
