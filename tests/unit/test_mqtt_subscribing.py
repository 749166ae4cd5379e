"""SUBSCRIBE and UNSUBSCRIBE, and what their answers mean."""

from typing import cast

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError, PassingError
from mqtt_kafka_bridge.mapping.messages import Publication
from mqtt_kafka_bridge.mqtt.events import (
    Acknowledged,
    Acknowledgement,
    Event,
    Received,
    Subscribed,
    Unsubscribed,
)
from mqtt_kafka_bridge.mqtt.session import Session
from mqtt_kafka_bridge.mqtt.subscribing import Subscription
from tests.support.mqtt_session import SUBSCRIPTION, connected, lost, publish, read, take

MARKER = Subscription("mqttkafka/plant/marker/1a2b3c4d", 1, 2, optional=True)

# SUBSCRIBE


@pytest.mark.parametrize("retain_handling", [0, 1, 2])
def test_subscribe_says_how_to_treat_retained_messages(retain_handling: int) -> None:
    packet = read(connected().subscribe([Subscription("a/+", 1, retain_handling)]))
    assert isinstance(packet, mqtt5.SubscribePacket)
    (wanted,) = packet.topic_filters
    assert (wanted.pattern, int(wanted.max_qos)) == ("a/+", 1)
    assert int(wanted.retain_handling) == retain_handling
    assert not wanted.retain_as_published
    assert not wanted.no_local


def subscribed(
    *codes: int, packet_id: int = 1, reason: str | None = None, second: Subscription | None = None
) -> list[Event]:
    session = connected()
    session.subscribe([SUBSCRIPTION, second or Subscription("other/#", 1)])
    granted = [mqtt5.SubAckReasonCode(code) for code in codes]
    return take(session, mqtt5.SubAckPacket(packet_id, granted, reason_str=reason))


@pytest.mark.parametrize("codes", [(1, 1), (0, 1), (1, 0), (2, 2)])
def test_what_is_granted_is_told_be_it_less(codes: tuple[int, ...]) -> None:
    assert subscribed(*codes) == [Subscribed(codes)]


def test_what_is_granted_is_told_in_integers() -> None:
    """The codec's enums are none, whatever its stubs say."""
    assert [type(code) for code in cast("Subscribed", subscribed(1, 1)[0]).granted_qos] == [int] * 2


@pytest.mark.parametrize("code", [0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2])
def test_one_refused_filter_ends_it_with_its_name(code: int) -> None:
    event = lost(subscribed(1, code, reason="no"))
    assert event.error.reason is Reason.MQTT_SUBSCRIPTION_REFUSED
    assert f"'other/#', reason code 0x{code:02X} (no)" in event.error.message
    assert event.reason_code == 0


@pytest.mark.parametrize("code", [0x80, 0x87, 0x8F])
def test_an_optional_filter_that_is_refused_is_told_and_no_error(code: int) -> None:
    assert subscribed(1, code, second=MARKER) == [Subscribed((1, code))]


def test_beside_an_optional_filter_one_that_is_needed_is_still_an_error() -> None:
    event = lost(subscribed(0x87, 0x87, second=MARKER))
    assert f"{SUBSCRIPTION.filter!r}, reason code 0x87" in event.error.message


def test_a_suback_that_does_not_match_breaks_the_protocol() -> None:
    assert lost(subscribed(1, 1, packet_id=2)).reason_code == 0x82
    assert lost(subscribed(1)).reason_code == 0x82
    nothing_asked = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)])
    assert lost(take(connected(), nothing_asked)).reason_code == 0x82


def test_one_subscribe_has_one_suback() -> None:
    session = connected()
    session.subscribe([SUBSCRIPTION])
    suback = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)])
    events = take(session, suback, suback)
    assert events[0] == Subscribed((1,))
    assert lost(events).reason_code == 0x82


def test_messages_that_come_before_suback_are_delivered() -> None:
    """A broker may withhold SUBACK until we acknowledge what it sent again."""
    session = connected()
    session.subscribe([SUBSCRIPTION])
    suback = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)])
    events = take(session, publish(1), publish(2), suback, publish(3))
    assert [type(event) for event in events] == [Received, Subscribed, Received]


# UNSUBSCRIBE


def unsuback(*codes: int, packet_id: int = 1, reason: str | None = None) -> mqtt5.UnsubAckPacket:
    return mqtt5.UnsubAckPacket(
        packet_id, [mqtt5.UnsubAckReasonCode(code) for code in codes], reason_str=reason
    )


def unsubscribing(*filters: str) -> Session:
    session = connected()
    packet = read(session.unsubscribe(filters))
    assert isinstance(packet, mqtt5.UnsubscribePacket)
    assert packet.patterns == list(filters)
    return session


def test_an_unsuback_ends_subscriptions_be_they_there_or_not() -> None:
    """0x11: no subscription existed."""
    session = unsubscribing("plant/#", "other/#")
    assert take(session, unsuback(0, 0x11)) == [Unsubscribed(None)]


def refusal(code: int) -> Unsubscribed:
    session = unsubscribing("plant/#", "other/#")
    (event,) = take(session, unsuback(0, code, reason="no"))
    assert isinstance(event, Unsubscribed)
    return event


@pytest.mark.parametrize("code", [0x80, 0x83, 0x87, 0x8F, 0x91])
def test_a_refused_unsubscribe_names_the_filter_and_ends_nothing(code: int) -> None:
    error = refusal(code).refusal
    assert error is not None
    assert error.reason is Reason.MQTT_SUBSCRIPTION_REFUSED
    assert f"'other/#', reason code 0x{code:02X} (no)" in error.message
    assert error.cure
    assert isinstance(error, MustFixError if code == 0x87 else PassingError)


@pytest.mark.parametrize(
    "answer", [unsuback(0, packet_id=2), unsuback(), unsuback(0, 0)], ids=["id", "none", "two"]
)
def test_an_unsuback_that_does_not_match_breaks_the_protocol(answer: mqtt5.UnsubAckPacket) -> None:
    event = lost(take(unsubscribing("plant/#"), answer))
    assert event.reason_code == 0x82
    assert "UNSUBACK" in event.error.message


def test_an_unsuback_that_nobody_asked_for_breaks_the_protocol() -> None:
    assert lost(take(connected(), unsuback(0))).reason_code == 0x82


def test_who_asks_again_may_get_both_answers() -> None:
    """The first one came late."""
    session = unsubscribing("plant/#")
    session.unsubscribe(["plant/#"])
    answers = unsuback(0), unsuback(0x11, packet_id=2)
    assert take(session, *answers) == [Unsubscribed(None)] * 2


# Beside a subscription


def test_a_session_that_is_subscribed_can_publish_and_learns_what_became_of_it() -> None:
    """The marker of a replacement."""
    marker = Publication(MARKER.filter, b"", retain=False, expiry_seconds=None, user_properties=[])
    session = connected()
    subscribe = read(session.subscribe([SUBSCRIPTION, MARKER]))
    first, second = (read(session.outgoing.publish(marker, number, 1)) for number in (7, 8))
    assert isinstance(subscribe, mqtt5.SubscribePacket)
    assert isinstance(first, mqtt5.PublishPacket)
    assert isinstance(second, mqtt5.PublishPacket)
    assert (subscribe.packet_id, first.packet_id, second.packet_id) == (1, 2, 3)
    refused = mqtt5.PubAckPacket(3, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED)
    suback = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode(1)] * 2)
    events = take(session, publish(1), mqtt5.PubAckPacket(2), suback, publish(2), refused)
    answers = [event for event in events if not isinstance(event, Received)]
    assert answers == [
        Acknowledged(1, []),
        Subscribed((1, 1)),
        Acknowledged(1, [Acknowledgement(8, 0x87)]),
    ]
