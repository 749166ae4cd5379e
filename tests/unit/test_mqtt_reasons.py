"""Each reason code becomes an error of the right family, with a cure where somebody can act."""

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.mqtt import reasons


def codes(enum: type[object]) -> list[int]:
    """Return the refusals that the codec knows of."""
    return [int(v) for v in vars(enum).values() if isinstance(v, enum) and int(v) >= 0x80]  # type: ignore[call-overload]  # int() of the codec's enums works


@pytest.mark.parametrize(
    ("code", "family", "reason", "cure"),
    [
        (0x80, MustFixError, Reason.MQTT_REFUSED, "broker's log"),
        (0x82, MustFixError, Reason.MQTT_REFUSED, "report it"),
        (0x84, MustFixError, Reason.MQTT_REFUSED, "speaks MQTT 5"),
        (0x85, MustFixError, Reason.MQTT_REFUSED, "mqtt.clientIdPrefix"),
        (0x86, MustFixError, Reason.MQTT_BAD_CREDENTIALS, "mqtt.authentication"),
        (0x87, MustFixError, Reason.MQTT_NOT_AUTHORIZED, "this user"),
        (0x88, PassingError, Reason.MQTT_REFUSED, "wait"),
        (0x89, PassingError, Reason.MQTT_REFUSED, "wait"),
        (0x8A, MustFixError, Reason.MQTT_NOT_AUTHORIZED, "this user"),
        (0x8C, MustFixError, Reason.MQTT_BAD_CREDENTIALS, "mqtt.authentication"),
        (0x95, MustFixError, Reason.MQTT_REFUSED, "maximum packet size"),
        (0x97, PassingError, Reason.MQTT_REFUSED, "wait"),
        (0x9C, MustFixError, Reason.MQTT_REFUSED, "mqtt.servers"),
        (0x9D, MustFixError, Reason.MQTT_REFUSED, "mqtt.servers"),
        (0x9F, PassingError, Reason.MQTT_REFUSED, "wait"),
    ],
)
def test_a_refused_connect(code: int, family: type[BridgeError], reason: Reason, cure: str) -> None:
    error = reasons.refused_connect(code, "because", "broker:1883", "plant")
    assert type(error) is family
    assert error.reason is reason
    assert cure in error.cure
    assert error.message.startswith("broker:1883 ")
    assert f"0x{code:02X} (because)" in error.message


@pytest.mark.parametrize("code", codes(mqtt5.ConnAckReasonCode))
def test_every_refused_connect_says_what_to_do(code: int) -> None:
    assert reasons.refused_connect(code, None, "broker:1883", None).cure


def test_who_was_refused_is_named() -> None:
    named = reasons.refused_connect(0x86, None, "b:1", "plant")
    assert "user 'plant'" in named.message
    nameless = reasons.refused_connect(0x87, None, "b:1", None)
    assert "a client without user name" in nameless.message


@pytest.mark.parametrize(
    ("code", "family", "reason"),
    [
        (0x00, PassingError, Reason.MQTT_DISCONNECTED),
        (0x82, PassingError, Reason.MQTT_DISCONNECTED),
        (0x87, MustFixError, Reason.MQTT_NOT_AUTHORIZED),
        (0x8B, PassingError, Reason.MQTT_DISCONNECTED),
        (0x8D, PassingError, Reason.MQTT_DISCONNECTED),
        (0x8E, MustFixError, Reason.MQTT_TAKEN_OVER),
        (0x97, PassingError, Reason.MQTT_DISCONNECTED),
    ],
)
def test_a_disconnect(code: int, family: type[BridgeError], reason: Reason) -> None:
    error = reasons.disconnected(code, None, "broker:1883")
    assert type(error) is family
    assert error.reason is reason


def test_a_take_over_says_that_a_client_id_is_used_twice() -> None:
    assert "mqtt.clientIdPrefix" in reasons.disconnected(0x8E, None, "b:1").cure


def test_a_refused_subscription_says_whom_to_allow_what() -> None:
    error = reasons.refused_subscription(0x87, None, "plant/#", "plant")
    assert error.reason is Reason.MQTT_SUBSCRIPTION_REFUSED
    assert error.cure == "allow user 'plant' to read 'plant/#' at the broker"
    assert isinstance(error, MustFixError)


def test_another_refused_subscription_points_at_the_filter_and_a_quota_passes() -> None:
    assert "from.filter" in reasons.refused_subscription(0x8F, None, "plant/#", None).cure
    assert isinstance(reasons.refused_subscription(0x97, None, "a", None), PassingError)


@pytest.mark.parametrize(
    ("text", "reference", "words"),
    [(None, None, None), ("", "", None), ("why", None, "why"), (None, "b:1", "use b:1")],
)
def test_what_a_broker_adds(text: str | None, reference: str | None, words: str | None) -> None:
    assert reasons.words_of(text, reference) == words


def test_a_brokers_words_are_shown_but_not_64_kib_of_them() -> None:
    assert len(reasons.disconnected(0x80, "x" * 65_535, "b:1").message) < 300


def test_what_asyncio_knows_of_a_lost_connection_is_told() -> None:
    reset = reasons.lost(ConnectionResetError("reset by peer"), "b:1", answered=True)
    assert reset.message == "lost b:1: reset by peer"
    assert "without a reason" in reasons.lost(None, "b:1", answered=True).message


@pytest.mark.parametrize(
    "cause", [None, ConnectionResetError(), BrokenPipeError(), ConnectionAbortedError()]
)
def test_a_connection_that_the_other_end_closed_ended_silently(cause: Exception | None) -> None:
    """As an old broker closes one that was taken over, with or without load."""
    assert type(reasons.lost(cause, "b:1", answered=True)) is reasons.SilentEndError
    assert type(reasons.lost(cause, "b:1", answered=False)) is PassingError


def test_a_connection_that_ends_after_a_refusal_ended_because_of_it() -> None:
    """Mosquitto 2.0.11 refuses a message with 0x87, and then closes."""
    error = reasons.lost(None, "b:1", answered=True, refusal=0x87)
    assert type(error) is PassingError
    assert "refused a message, reason code 0x87" in error.message


@pytest.mark.parametrize("cause", [TimeoutError(), OSError(113, "No route to host")])
def test_a_connection_that_the_network_ended_is_told_apart(cause: Exception) -> None:
    assert type(reasons.lost(cause, "b:1", answered=True)) is PassingError


def test_a_server_that_closes_before_it_answers_may_be_none_of_mqtt_5_or_want_tls() -> None:
    error = reasons.lost(None, "b:1", answered=False)
    assert "before it answered CONNECT" in error.message
    assert "mqtts://" in error.cure


def test_an_answer_that_does_not_come_is_told() -> None:
    assert "b:1 sent no SUBACK within 10 s" in reasons.no_answer("SUBACK", 10.0, "b:1").message
    assert "b:1 did not answer PINGREQ, silent for 45 s" in reasons.silent(45.0, "b:1").message


def test_a_quota_passes_and_a_missing_right_is_for_somebody_to_grant() -> None:
    quota = reasons.refused_for_now(0x97, "plant/a")
    assert isinstance(quota, PassingError)
    assert quota.reason is Reason.QUOTA_EXCEEDED
    right = reasons.refused_for_now(0x87, "plant/a")
    assert isinstance(right, MustFixError)
    assert right.reason is Reason.MQTT_NOT_AUTHORIZED
    assert "'plant/a'" in quota.message
    assert "'plant/a'" in right.message
