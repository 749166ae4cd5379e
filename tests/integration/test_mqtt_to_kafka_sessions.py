"""What the broker keeps for a mapping: retained messages, and its session while it is away."""

from tests.support.bridge import Bridge
from tests.support.scenario import Lab
from tests.support.scenario_checks import SECONDS, await_counts, connections
from tests.support.scenario_config import inbound
from tests.support.waiting import eventually


def test_retained_messages_are_included_skipped_or_alone_as_the_mapping_says(lab: Lab) -> None:
    for number in (1, 2):
        lab.publish(f"plant/{number}", b"kept", retain=True)
    words = ("Include", "Skip", "Only")
    bridge = lab.run(
        *(
            inbound(word.lower(), "plant/#", lab.topic(word), source={"retained": word})
            for word in words
        )
    )
    # Retain As Published is 0: what comes while the session lives is no retained message.
    lab.publish("plant/1", b"live", retain=True)
    expected = {"Include": [b"kept", b"kept", b"live"], "Skip": [b"live"], "Only": [b"kept"] * 2}
    for word, values in expected.items():
        records = lab.records(f"{lab.name}.{word}", len(values))
        assert [record.value for record in records] == values
    await_counts(bridge, "include", received=3, forwarded=3)
    await_counts(bridge, "skip", received=1, forwarded=1)
    await_counts(bridge, "only", received=3, forwarded=2, filtered=1)


def test_retained_messages_do_not_come_again_with_a_session_that_lives_on(lab: Lab) -> None:
    lab.publish("plant/1", b"kept", retain=True)
    topic = lab.topic()
    bridge = lab.run(inbound("telemetry", "plant/#", topic))
    lab.records(topic, 1)
    assert bridge.terminate() == 0
    bridge.up()
    lab.broker.restart()
    await_session(bridge, present=True)
    lab.publish("plant/2", b"live")
    assert [record.value for record in lab.records(topic, 2)] == [b"kept", b"live"]


def test_a_session_keeps_what_is_published_while_the_bridge_is_away(lab: Lab) -> None:
    topic = lab.topic()
    bridge = lab.run(inbound("telemetry", "plant/#", topic))
    assert bridge.session("telemetry").session_present is False
    client_id = bridge.session("telemetry").client_id
    assert bridge.terminate() == 0
    for number in range(200):
        lab.publish(f"plant/{number}", b"%d" % number)
    bridge.up()
    assert [record.value for record in lab.records(topic, 200)] == [b"%d" % n for n in range(200)]
    session = bridge.session("telemetry")
    assert (session.client_id, session.session_present) == (client_id, True)
    assert session.server == lab.broker.url.removeprefix("mqtt://")
    await_counts(bridge, "telemetry", received=200, forwarded=200, redelivered=0)


def test_a_broker_that_forgot_the_session_is_subscribed_anew_and_that_is_said(lab: Lab) -> None:
    topic = lab.topic()
    bridge = lab.run(inbound("telemetry", "plant/#", topic))
    lab.broker.terminate()
    lab.broker.forget_sessions()
    lab.broker.up()
    await_session(bridge, present=False)
    lab.publish("plant/1")
    lab.records(topic, 1)
    assert await_counts(bridge, "telemetry", forwarded=1).sessions_lost == 1
    assert "SessionLost" in [risk.reason for risk in bridge.mapping("telemetry").risks]


def await_session(bridge: Bridge, *, present: bool) -> None:
    """Wait for the second connection, and see whether the broker knew the session."""
    eventually(
        lambda: connections(bridge, "telemetry") > 1 and bridge.ready, SECONDS, what=bridge.log_tail
    )
    assert bridge.session("telemetry").session_present is present
