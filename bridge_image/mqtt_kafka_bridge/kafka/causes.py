"""What went wrong, in the bridge's words: aiokafka's errors, their reasons and their cures."""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from aiokafka import errors as kafka_errors

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError

_TOO_LARGE: Final = (kafka_errors.MessageSizeTooLargeError, kafka_errors.RecordListTooLargeError)
_LOST_ITS_PLACE: Final = (
    kafka_errors.OutOfOrderSequenceNumber,
    kafka_errors.UnknownProducerId,
    kafka_errors.InvalidProducerEpoch,
    kafka_errors.ProducerFenced,
    kafka_errors.ProducerClosed,
)
_NO_LEADER: Final = (
    kafka_errors.NotLeaderForPartitionError,
    kafka_errors.LeaderNotAvailableError,
)
_SILENT: Final = (
    kafka_errors.KafkaConnectionError,
    kafka_errors.KafkaTimeoutError,
    kafka_errors.NodeNotReadyError,
    kafka_errors.RequestTimedOutError,
    kafka_errors.StaleMetadata,
    OSError,  # TimeoutError is one
)
_TOO_OLD: Final = (
    kafka_errors.IncompatibleBrokerVersion,
    kafka_errors.UnsupportedVersionError,
    NotImplementedError,  # aiokafka's word for a version of the protocol that it does not speak
)


def is_too_large(error: BaseException | None) -> bool:
    """Tell whether Kafka refused a batch for its size: `max.message.bytes` was lowered."""
    return isinstance(error, _TOO_LARGE) or (
        isinstance(error, BridgeError) and isinstance(error.__cause__, _TOO_LARGE)
    )


def explain(
    error: BaseException,
    *,
    who: str = "User:NAME",
    topic: str | None = None,
    operation: Literal["Read", "Write"] = "Write",
) -> BridgeError:
    """Return what an error of aiokafka means; the error is its cause.

    An error that nobody foresaw becomes KafkaWriteFailed with its name: tried again, and seen.

    Args:
        error: one of ours is returned as it is.
        who: the principal, as ACLs name it.
        topic: named where the error does not name one.
        operation: what was being done, and may be forbidden.
    """
    if isinstance(error, BridgeError):
        return error
    if isinstance(error, kafka_errors.TopicAuthorizationFailedError):
        forbidden = topic_forbidden(_named(error, topic), who, [operation, "Describe"])
        forbidden.__cause__ = error
        return forbidden
    explained = next(
        (cause(error, who, topic) for kinds, cause in _CAUSES if isinstance(error, kinds)), None
    )
    if explained is None:
        detail = f": {error.__cause__!r}" if error.__cause__ else ""
        explained = PassingError(
            Reason.KAFKA_WRITE_FAILED, f"Kafka: {type(error).__name__}: {error}{detail}"
        )
    explained.__cause__ = error
    return explained


def principal(config: BridgeConfig) -> str:
    """Return who Kafka takes us for, in the words of its ACLs."""
    user = config.kafka.authentication.username if config.kafka.authentication else "ANONYMOUS"
    return f"User:{user}"


def topic_missing(name: str) -> MustFixError:
    """Return what to do about a topic that does not exist."""
    return MustFixError(
        Reason.TOPIC_MISSING,
        f"the Kafka topic {name} does not exist",
        f"create it: kafka-topics.sh --bootstrap-server SERVER --create --topic {name}"
        " --partitions N --replication-factor R",
    )


def topic_forbidden(
    name: str, who: str, operations: Iterable[str], *, maybe_missing: bool = False
) -> MustFixError:
    """Return what to do about a topic that we may not use.

    Args:
        name: the topic.
        who: the principal, as ACLs name it.
        operations: what we must be allowed to do.
        maybe_missing: who may not even describe a topic is told the same of one that is missing.
    """
    flags = " ".join(f"--operation {operation}" for operation in operations)
    return MustFixError(
        Reason.TOPIC_FORBIDDEN,
        f"the Kafka topic {name} is {'missing or ' * maybe_missing}forbidden for {who}"
        f" ({' and '.join(operations)})",
        f"{'create the topic, or ' * maybe_missing}allow it: kafka-acls.sh --bootstrap-server"
        f" SERVER --add --allow-principal {who} {flags} --topic {name}",
    )


def group_forbidden(name: str, who: str) -> MustFixError:
    """Return what to do about a consumer group that we may not join."""
    return MustFixError(
        Reason.GROUP_FORBIDDEN,
        f"the consumer group {name} is forbidden for {who}",
        f"allow it: kafka-acls.sh --bootstrap-server SERVER --add --allow-principal {who}"
        f" --operation Read --group {name}",
    )


def _named(error: BaseException, known: str | None) -> str:
    """Return the topic or group that is meant; aiokafka puts it into some errors only."""
    if known is not None or not error.args:
        return known or "?"
    named = error.args[0]
    return ", ".join(sorted(named)) if isinstance(named, set | frozenset) else str(named)


_Cause = Callable[[BaseException, str, str | None], BridgeError]


def _must_fix(reason: Reason, message: str, cure: str) -> _Cause:
    return lambda error, _who, topic: MustFixError(reason, _full(message, error, topic), cure)


def _passes(reason: Reason, message: str, cure: str) -> _Cause:
    return lambda error, _who, topic: PassingError(reason, _full(message, error, topic), cure)


def _full(message: str, error: BaseException, topic: str | None) -> str:
    about = f" ({topic})" if topic else ""
    return f"{message}{about}: {error or type(error).__name__}"


_CAUSES: Final[list[tuple[type[BaseException] | tuple[type[BaseException], ...], _Cause]]] = [
    (
        kafka_errors.GroupAuthorizationFailedError,
        lambda error, who, _topic: group_forbidden(_named(error, None), who),
    ),
    (
        kafka_errors.UnknownTopicOrPartitionError,
        lambda error, _who, topic: topic_missing(_named(error, topic)),
    ),
    (
        kafka_errors.ClusterAuthorizationFailedError,
        lambda _error, who, _topic: MustFixError(
            # KIP-679: who may write to some topic may write idempotently.
            Reason.TOPIC_FORBIDDEN,
            f"{who} may not write to any Kafka topic",
            f"allow it: kafka-acls.sh --bootstrap-server SERVER --add --allow-principal {who}"
            " --operation Write --operation Describe --topic TOPIC (before Kafka 2.8 also"
            " --operation IdempotentWrite --cluster)",
        ),
    ),
    (
        kafka_errors.InconsistentGroupProtocolError,
        _must_fix(
            Reason.GROUP_FORBIDDEN,
            "the consumer group is in use by something that is no bridge",
            "set kafka.consumer.groupPrefix to a prefix that nobody else uses",
        ),
    ),
    (
        (kafka_errors.InvalidReplicationFactorError, kafka_errors.PolicyViolationError),
        _must_fix(
            Reason.TOPIC_MISSING,
            "Kafka refuses to create the topic so",
            "ask for fewer replicas or start more brokers, or create it by hand",
        ),
    ),
    (
        kafka_errors.InvalidTopicError,
        _must_fix(Reason.TOPIC_MISSING, "Kafka refuses the topic", "choose another name"),
    ),
    (
        _TOO_LARGE,
        _passes(
            Reason.KAFKA_WRITE_FAILED,
            "Kafka refused a batch as too large",
            "the topic's max.message.bytes may have been lowered; raise it",
        ),
    ),
    (
        _LOST_ITS_PLACE,
        _passes(
            Reason.KAFKA_WRITE_FAILED,
            "the producer can't go on and is replaced",
            "nothing, unless it comes again and again",
        ),
    ),
    (
        _NO_LEADER,
        _passes(
            Reason.KAFKA_WRITE_FAILED,
            "the partition has no leader",
            "see that its brokers run, and that the topic exists",
        ),
    ),
    (
        kafka_errors.UnknownError,
        _passes(
            Reason.KAFKA_WRITE_FAILED,
            "Kafka refused a batch for a reason that it did not name",
            "see the broker's log; a compacted topic refuses records without a key",
        ),
    ),
    (
        kafka_errors.SaslAuthenticationFailed,
        _must_fix(
            Reason.KAFKA_BAD_CREDENTIALS,
            "Kafka refuses the user name or password",
            "correct kafka.authentication.username or the password file's content",
        ),
    ),
    (
        _TOO_OLD,
        _must_fix(
            Reason.KAFKA_UNREACHABLE,
            "Kafka speaks no version of its protocol that this bridge knows",
            "use Kafka 2.4 or later",
        ),
    ),
    (
        _SILENT,
        _passes(
            Reason.KAFKA_UNREACHABLE,
            "Kafka does not answer",
            "see that its brokers run and that their advertised addresses can be reached",
        ),
    ),
]
