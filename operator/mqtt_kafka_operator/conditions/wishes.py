"""Whether what was asked for can be had at all: the spec, its Secrets, its objects, its pauses."""

from datetime import datetime

from mqtt_kafka_bridge.contract.base import format_duration
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.conditions.verdict import Verdict, bounded, sentence, some
from mqtt_kafka_operator.facts import Facts, MissingSecret


def config_valid(facts: Facts) -> Verdict:
    """Return whether the spec can be turned into a configuration."""
    if not facts.mistakes:
        return Verdict("True", OperatorReason.VALID.value)
    texts = [f"{it.path}: {sentence(it.message, it.cure)}" for it in facts.mistakes]
    left = "; until then the pods stay as they are"
    return Verdict("False", facts.mistakes_reason.value, bounded(some(texts, ". ") + left))


def secrets_resolved(facts: Facts) -> Verdict:
    """Return whether every Secret that the spec names is there, with its key."""
    missing = facts.missing_secrets
    if missing is None:
        return Verdict("Unknown", facts.mistakes_reason.value, "the spec can't be read")
    if not missing:
        return Verdict("True", OperatorReason.RESOLVED.value)
    without_key = all(it.key is not None for it in missing)
    reason = OperatorReason.SECRET_KEY_MISSING if without_key else OperatorReason.SECRET_MISSING
    texts = sorted({_lack(it) for it in missing})
    left = (
        "; the bridge goes on by itself once they are there, until then the pods stay as they are"
    )
    return Verdict("False", reason.value, bounded(some(texts, ". ") + left))


def _lack(missing: MissingSecret) -> str:
    if missing.key is None:
        return sentence(
            f"{missing.path}: there is no Secret {missing.secret} in this namespace",
            f"create it, or correct {missing.path}.secretName",
        )
    return sentence(
        f"{missing.path}: the Secret {missing.secret} has nothing under the key {missing.key}",
        f"add it, or correct {missing.path}.key",
    )


def paused(facts: Facts, paused_since: datetime) -> Verdict:
    """Return whether there shall be no pods; until when that is safe stands in the message."""
    if not facts.paused or facts.spec is None:
        return Verdict("False", OperatorReason.NOT_PAUSED.value)
    expiry = facts.spec.mqtt.session_expiry
    until = (paused_since + expiry).isoformat().replace("+00:00", "Z")
    field = "spec.paused is true" if facts.spec.paused else "spec.replicas is 0"
    return Verdict(
        "True",
        OperatorReason.PAUSED.value,
        f"{field}: there are no pods, and nothing is forwarded; the broker keeps the sessions, and"
        f" what it queues for them, until {until} ({format_duration(expiry)}, mqtt.sessionExpiry as"
        " it was when the pods were connected), and Kafka keeps the positions",
    )


def hindrance(facts: Facts) -> Verdict | None:
    """Return why the spec is not, or shall not be, turned into running pods; None if it is."""
    if facts.deleting:
        text = "the bridge is being deleted; its pods are stopped and its sessions are ended first"
        return Verdict("False", OperatorReason.DELETING.value, text)
    for verdict in (config_valid(facts), secrets_resolved(facts)):
        if verdict.status != "True":
            return verdict._replace(status="False")
    if facts.refusals:
        refusals = sorted(facts.refusals, key=lambda it: (it.reason, it.message))
        texts = [sentence(it.message, it.cure) for it in refusals]
        return Verdict("False", refusals[0].reason.value, bounded(some(texts, ". ")))
    return None
