"""What aiokafka's errors mean: the reason, whose turn it is, and the cure."""

import pytest
from aiokafka import errors as kafka_errors

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.kafka.causes import explain, is_too_large, topic_forbidden


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (kafka_errors.TopicAuthorizationFailedError("t"), MustFixError, Reason.TOPIC_FORBIDDEN),
        (kafka_errors.TopicAuthorizationFailedError({"t"}), MustFixError, Reason.TOPIC_FORBIDDEN),
        (kafka_errors.ClusterAuthorizationFailedError(), MustFixError, Reason.TOPIC_FORBIDDEN),
        (kafka_errors.GroupAuthorizationFailedError("g"), MustFixError, Reason.GROUP_FORBIDDEN),
        (kafka_errors.InconsistentGroupProtocolError(), MustFixError, Reason.GROUP_FORBIDDEN),
        (kafka_errors.UnknownTopicOrPartitionError("t"), MustFixError, Reason.TOPIC_MISSING),
        (kafka_errors.InvalidTopicError("t"), MustFixError, Reason.TOPIC_MISSING),
        (kafka_errors.SaslAuthenticationFailed("no"), MustFixError, Reason.KAFKA_BAD_CREDENTIALS),
        (kafka_errors.UnsupportedVersionError(), MustFixError, Reason.KAFKA_UNREACHABLE),
        (NotImplementedError("v1"), MustFixError, Reason.KAFKA_UNREACHABLE),
        (kafka_errors.MessageSizeTooLargeError(), PassingError, Reason.KAFKA_WRITE_FAILED),
        (kafka_errors.OutOfOrderSequenceNumber(), PassingError, Reason.KAFKA_WRITE_FAILED),
        (kafka_errors.ProducerFenced(), PassingError, Reason.KAFKA_WRITE_FAILED),
        (kafka_errors.ProducerClosed(), PassingError, Reason.KAFKA_WRITE_FAILED),
        (kafka_errors.NotLeaderForPartitionError(), PassingError, Reason.KAFKA_WRITE_FAILED),
        (kafka_errors.UnknownError(), PassingError, Reason.KAFKA_WRITE_FAILED),
        (kafka_errors.KafkaError("new"), PassingError, Reason.KAFKA_WRITE_FAILED),
        (kafka_errors.KafkaConnectionError(), PassingError, Reason.KAFKA_UNREACHABLE),
        (kafka_errors.RequestTimedOutError(), PassingError, Reason.KAFKA_UNREACHABLE),
        (kafka_errors.KafkaTimeoutError(), PassingError, Reason.KAFKA_UNREACHABLE),
        (TimeoutError(), PassingError, Reason.KAFKA_UNREACHABLE),
    ],
)
def test_every_error_has_a_reason_and_whose_turn_it_is(
    error: Exception, kind: type[BridgeError], reason: Reason
) -> None:
    explained = explain(error, who="User:bridge", topic="plant")
    assert (type(explained), explained.reason) == (kind, reason)
    assert explained.__cause__ is error
    assert explained.message
    assert explained.cure or type(error) is kafka_errors.KafkaError


def test_an_unforeseen_error_is_named_with_what_caused_it() -> None:
    error = kafka_errors.KafkaError("unexpected")
    error.__cause__ = ZeroDivisionError("so it is")
    assert "ZeroDivisionError('so it is')" in explain(error).message


def test_a_forbidden_topic_names_the_right_that_was_needed() -> None:
    error = kafka_errors.TopicAuthorizationFailedError("plant")
    assert "(Read and Describe)" in explain(error, operation="Read").message
    assert "(Write and Describe)" in explain(error).message


def test_an_explanation_is_explained_as_itself() -> None:
    error = PassingError(Reason.KAFKA_UNREACHABLE, "away")
    assert explain(error) is error


def test_too_large_is_known_before_and_after_it_is_explained() -> None:
    error = kafka_errors.MessageSizeTooLargeError()
    assert is_too_large(error)
    assert is_too_large(explain(error))
    assert not is_too_large(explain(kafka_errors.UnknownError()))
    assert not is_too_large(None)


def test_a_forbidden_topic_says_which_right_is_missing_and_the_command_that_gives_it() -> None:
    error = topic_forbidden("plant", "User:bridge", ["Write", "Describe"], maybe_missing=True)
    assert error.message == (
        "the Kafka topic plant is missing or forbidden for User:bridge (Write and Describe)"
    )
    assert error.cure == (
        "create the topic, or allow it: kafka-acls.sh --bootstrap-server SERVER --add"
        " --allow-principal User:bridge --operation Write --operation Describe --topic plant"
    )
