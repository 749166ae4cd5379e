"""What is taken for a rival, and what for a broker that restarts or a network that is bad."""

import pytest

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError
from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.dialing import explain
from mqtt_kafka_bridge.mqtt.rivals import ENDS, SETTLED_SECONDS, WITHIN_SECONDS, Rivals
from mqtt_kafka_bridge.mqtt.servers import CONTESTED_DELAY_SECONDS, Server

SILENT = reasons.lost(None, "b:1", answered=True)
TAKEN_OVER = reasons.disconnected(0x8E, None, "b:1")
STOPPING = reasons.disconnected(0x8B, None, "b:1")
MUTE = reasons.silent(45.0, "b:1")
AWAY = reasons.lost(TimeoutError("timed out"), "b:1", answered=True)
REFUSED = explain(ConnectionRefusedError(), Server("b", 1, secure=False))


def ends(rivals: Rivals, *ends: tuple[BridgeError, float], lived: float = 1.0) -> list[bool]:
    """Let connections end at these times; tell of each whether it was taken for a conflict."""
    judged = [rivals.judge(error, at, lived) for error, at in ends]
    return [error.reason is Reason.IDENTITY_CONFLICT for error in judged]


@pytest.mark.parametrize("error", [SILENT, TAKEN_OVER])
def test_the_third_end_within_minutes_is_a_conflict_and_each_after_it(error: BridgeError) -> None:
    rivals = Rivals("c")
    assert ends(rivals, (error, 0), (error, 100), (error, 200)) == [False, False, True]
    assert ends(rivals, (error, 1000), (error, 5000)) == [True, True]


def test_both_kinds_of_end_count_together() -> None:
    assert ends(Rivals("c"), (SILENT, 0), (TAKEN_OVER, 1), (SILENT, 2)) == [False, False, True]


def test_ends_that_are_far_apart_are_no_conflict() -> None:
    far = WITHIN_SECONDS / 2
    assert not any(ends(Rivals("c"), *[(SILENT, n * far) for n in range(20)]))


@pytest.mark.parametrize("error", [STOPPING, MUTE, AWAY])
def test_what_ends_for_another_reason_is_no_conflict_and_told_as_it_is(error: BridgeError) -> None:
    rivals = Rivals("c")
    assert not any(ends(rivals, *[(error, n) for n in range(20)]))
    ends(rivals, *[(SILENT, n) for n in range(ENDS)])
    assert rivals.judge(error, 10, 1) is error


def test_a_broker_that_is_away_between_ends_has_ended_them_itself() -> None:
    rivals = Rivals("c")
    for at in range(0, 100, 5):
        assert ends(rivals, (SILENT, at), (SILENT, at + 1)) == [False, False]
        assert rivals.judge(REFUSED, at + 2, None) is REFUSED


def test_a_connection_that_is_taken_over_as_soon_as_it_is_accepted_counts() -> None:
    """CONNACK and the end of file came in one read."""
    rivals = Rivals("c")
    judged = [rivals.judge(SILENT, at, None) for at in range(ENDS)]
    assert judged[-1].reason is Reason.IDENTITY_CONFLICT


def test_a_conflict_that_is_known_outlives_a_restart_of_the_broker() -> None:
    rivals = Rivals("c")
    ends(rivals, *[(SILENT, n) for n in range(ENDS)])
    rivals.judge(REFUSED, 5, None)
    assert ends(rivals, (SILENT, 10)) == [True]


def test_a_conflict_is_over_when_a_connection_has_lived_for_minutes() -> None:
    rivals = Rivals("c")
    ends(rivals, *[(SILENT, n) for n in range(ENDS)])
    assert ends(rivals, (SILENT, 1000), lived=SETTLED_SECONDS - 1) == [True]
    assert ends(rivals, (SILENT, 2000), lived=SETTLED_SECONDS) == [False]
    assert ends(rivals, (SILENT, 2001), (SILENT, 2002)) == [False, True]


def test_rivals_that_know_of_each_other_live_too_shortly_to_forget_it() -> None:
    """Each stays away for at most this long while the other is connected."""
    assert 1.5 * CONTESTED_DELAY_SECONDS < SETTLED_SECONDS


def test_a_conflict_names_the_client_id_and_what_was_seen() -> None:
    rivals = Rivals("plant.telemetry.1a2b3c4d")
    ends(rivals, (SILENT, 0), (SILENT, 10))
    error = rivals.judge(SILENT, 20, 1)
    assert isinstance(error, MustFixError)
    assert "'plant.telemetry.1a2b3c4d'" in error.message
    assert "3 connections ended within 20 s" in error.message
    assert SILENT.message in error.message
    assert "mqtt.clientIdPrefix" in error.cure
