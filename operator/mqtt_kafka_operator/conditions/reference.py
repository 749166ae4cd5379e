"""The conditions as documentation: one table of types, one of the operator's reasons."""

from collections.abc import Iterator
from typing import NamedTuple

from mqtt_kafka_operator.api import ConditionType, OperatorReason


class ConditionText(NamedTuple):
    """What each status of a condition says."""

    type: ConditionType
    true: str
    false: str
    unknown: str


CONDITIONS = (
    ConditionText(
        ConditionType.READY,
        "Every mapping forwards, by what the pods say. The reason tells what is still to be said: "
        "a roll-out, pods that are missing.",
        "Something that was asked for is not done. The reason is the one thing that matters.",
        "Kubernetes finds pods ready, and the operator can't ask them.",
    ),
    ConditionText(
        ConditionType.CONFIG_VALID,
        "The spec can be turned into a configuration.",
        "It can't; field and cure are in the message. The running pods are left as they are.",
        "Never.",
    ),
    ConditionText(
        ConditionType.SECRETS_RESOLVED,
        "Every Secret and key that the spec names is there.",
        "One is missing. The bridge goes on by itself once it appears; the running pods are left "
        "as they are.",
        "The spec can't be read.",
    ),
    ConditionText(
        ConditionType.MQTT_CONNECTED,
        "Every link to the MQTT broker that should be up is.",
        "At least one is not; the message names its mappings.",
        "No pod tells, or none has tried yet: Kafka, say, has to answer first.",
    ),
    ConditionText(
        ConditionType.KAFKA_CONNECTED,
        "Every link to Kafka that should be up is.",
        "At least one is not; the message names its mappings.",
        "No pod tells, or none has tried yet.",
    ),
    ConditionText(
        ConditionType.PROGRESSING,
        "Pods are being made, replaced or taken away.",
        "Nothing is under way: all is rolled out, or the reason says what keeps it.",
        "Never.",
    ),
    ConditionText(
        ConditionType.PAUSED,
        "There shall be no pods. The message says until when brokers keep what comes.",
        "There shall be pods.",
        "Never.",
    ),
    ConditionText(
        ConditionType.DEAD_LETTER_BLOCKED,
        "A mapping waits because its dead letters can't be written. Nothing is dropped.",
        "Dead letters can be written, as far as any had to be.",
        "No pod tells.",
    ),
    ConditionText(
        ConditionType.DATA_LOSS_RISK,
        "Something is known under which the guarantees can't hold; or something was lost.",
        "Nothing of that kind is known.",
        "No pod tells.",
    ),
)

_ABOUT_TYPES = (
    "Every type is always there, in this order, with `observedGeneration`. That of `Ready` stays "
    "behind while a roll-out is under way, so that `kubectl wait --for=condition=Ready` waits for "
    "its end."
)
_ABOUT_REASONS = (
    "Besides these there are the reasons of the bridge itself, see "
    "[troubleshooting](../troubleshooting.md)."
)
Row = tuple[str, ...]
Table = tuple[str, str, Row, list[Row]]
"""A heading, a text below it, the head of a table and its rows."""


def condition_sections() -> Iterator[Table]:
    """Yield what the reference page of conditions holds."""
    yield (
        "Types",
        _ABOUT_TYPES,
        ("type", "True", "False", "Unknown"),
        [(f"`{it.type.value}`", it.true, it.false, it.unknown) for it in CONDITIONS],
    )
    yield (
        "Reasons of the operator",
        _ABOUT_REASONS,
        ("reason", "meaning", "what to do"),
        [(f"`{it.value}`", it.meaning, it.cure) for it in OperatorReason],
    )
