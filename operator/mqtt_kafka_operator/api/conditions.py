"""Fixed words of the status: types of conditions, and the operator's own reasons.

Where a condition is about what a bridge says of itself, its reason is one of the bridge's own
(`mqtt_kafka_bridge.contract.status.Reason`).
"""

from enum import StrEnum
from typing import Self


class ConditionType(StrEnum):
    """Types of conditions. Each is always there, but for what is not known yet."""

    READY = "Ready"
    CONFIG_VALID = "ConfigValid"
    SECRETS_RESOLVED = "SecretsResolved"
    MQTT_CONNECTED = "MqttConnected"
    KAFKA_CONNECTED = "KafkaConnected"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    DEAD_LETTER_BLOCKED = "DeadLetterBlocked"
    DATA_LOSS_RISK = "DataLossRisk"


class OperatorReason(StrEnum):
    """Reasons of the operator, each with its meaning and what to do about it."""

    meaning: str
    cure: str

    def __new__(cls, word: str, meaning: str, cure: str = "Nothing.") -> Self:
        """Make a reason: the word, what it means, what to do."""
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.meaning = meaning
        reason.cure = cure
        return reason

    AS_EXPECTED = "AsExpected", "All is as it should be."
    VALID = "Valid", "The spec can be turned into a configuration."
    INVALID_SPEC = (
        "InvalidSpec",
        (
            "Something in the spec contradicts itself, or breaks a rule of filters or templates; "
            "the running pods are left as they are."
        ),
        "Correct the field that the message names.",
    )
    IDENTITY_CHANGED = (
        "IdentityChanged",
        (
            "The edit names another broker, Kafka cluster or client id prefix, while sessions live "
            "at the old one; the running pods are left as they are."
        ),
        "Undo the edit, or do what the message says: end the sessions first.",
    )
    RESOLVED = "Resolved", "Every Secret and key that the spec names is there."
    SECRET_MISSING = (
        "SecretMissing",
        "A Secret that the spec names does not exist in the namespace.",
        "Create it; the bridge goes on by itself.",
    )
    SECRET_KEY_MISSING = (
        "SecretKeyMissing",
        "A Secret lacks the key that the spec names, or has nothing under it.",
        "Add the key, or correct the name in the spec.",
    )
    STARTING = "Starting", "The pods are not ready yet.", "Wait; `Progressing` says what for."
    PODS_NOT_READY = (
        "PodsNotReady",
        "Fewer pods are ready than asked for.",
        "See the message, and `kubectl describe` of the pod.",
    )
    STATUS_UNREACHABLE = (
        "StatusUnreachable",
        "The operator can't ask the pods how they are.",
        "Allow it: a NetworkPolicy must let the operator's namespace reach the port named http.",
    )
    NAME_CONFLICT = (
        "NameConflict",
        "An object that the bridge needs is there already and belongs to somebody else.",
        "Delete or rename the object that the message names, or rename the bridge.",
    )
    APPLY_REFUSED = (
        "ApplyRefused",
        (
            "The API server refuses an object of the bridge: a right, a quota, an admission rule, "
            "or a value in `template`."
        ),
        "The message says which object and why.",
    )
    IMAGE_NOT_PULLED = (
        "ImageNotPulled",
        "The image can't be pulled.",
        "Correct the image or its pull secret; the message names it.",
    )
    UNSCHEDULABLE = (
        "Unschedulable",
        "No node takes a pod.",
        "See the message: room, taints, affinity.",
    )
    PODS_CRASHING = (
        "PodsCrashing",
        "The process in a pod ends again and again.",
        "The message says how it ended; `kubectl logs --previous` says why.",
    )
    OUT_OF_MEMORY = (
        "OutOfMemory",
        "A pod was killed because it used more memory than its limit.",
        (
            "Raise `template.spec.containers[0].resources.limits.memory`, or lower "
            "`limits.bytesInFlight` or `mqtt.receiveMaximum`."
        ),
    )
    PODS_REFUSED = (
        "PodsRefused",
        "Kubernetes makes no pods: a quota, a pod security rule, an admission webhook.",
        "The message says which.",
    )
    POD_NOT_STARTED = (
        "PodNotStarted",
        "A container can't be made: a Secret, a mount or the runtime.",
        "See the message, and `kubectl describe` of the pod.",
    )
    STATUS_NOT_UNDERSTOOD = (
        "StatusNotUnderstood",
        "The pods answer in a way that this operator does not understand.",
        "Run the operator and the bridge image of one version; see `template`.",
    )
    ROLLING_OUT = "RollingOut", "Pods are being made, replaced or taken away.", "Wait."
    ROLLED_OUT = "RolledOut", "All pods are of the newest configuration."
    ROLL_OUT_STUCK = (
        "RollOutStuck",
        (
            "New pods do not become ready: an image that can't be pulled, no node with room, a "
            "container that ends again and again."
        ),
        "The message says which pod and why.",
    )
    UNMANAGED = (
        "Unmanaged",
        (
            "The annotation `mqttkafka.dev/management-state: Unmanaged` is set: the operator "
            "changes nothing."
        ),
        "Remove the annotation when the operator shall take over again.",
    )
    PAUSED = (
        "Paused",
        "`paused` is true, or `replicas` is 0: nothing is forwarded.",
        "Set it back before the time that the message names, when brokers begin to forget.",
    )
    RESUMED = "Resumed", "The bridge is to run again; in an Event only."
    NOT_PAUSED = "NotPaused", "The bridge is to run."
    NOT_BLOCKED = "NotBlocked", "Dead letters can be written."
    NO_RISK = "NoRisk", "No setting is known under which the guarantees can't hold."
    PAUSE_OUTLASTS_SESSIONS = (
        "PauseOutlastsSessions",
        "The bridge is paused for longer than the broker keeps its sessions.",
        "Resume it, or raise `mqtt.sessionExpiry` beforehand.",
    )
    DELETING = "Deleting", "The bridge is being deleted; its sessions are ended first.", "Wait."
    SESSIONS_ENDED = "SessionsEnded", "The bridge is deleted, and nothing of it is left anywhere."
    SESSIONS_LEFT = (
        "SessionsLeft",
        "The bridge is deleted, but sessions or topics could not be ended in time.",
        "Run `mqtt-kafka-bridge retire` with the configuration, or let the broker's expiry do it.",
    )
