"""The server list: in order, then again, with a back-off that locks no account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError, MustFixError, PassingError
from mqtt_kafka_bridge.mqtt.reasons import SilentEndError
from mqtt_kafka_bridge.mqtt.servers import Server, Servers

PASSING = PassingError(Reason.MQTT_UNREACHABLE, "down")
MUST_FIX = MustFixError(Reason.MQTT_BAD_CREDENTIALS, "wrong")
TAKEN_OVER = MustFixError(Reason.MQTT_TAKEN_OVER, "taken over")
SILENT = SilentEndError(Reason.MQTT_DISCONNECTED, "ended")
CONFLICT = MustFixError(Reason.IDENTITY_CONFLICT, "a rival")


def longest(_low: float, high: float) -> float:
    return high


def shortest(low: float, _high: float) -> float:
    return low


def servers(count: int = 1) -> Servers:
    return Servers([f"mqtt://s{n}" for n in range(count)], longest)


@pytest.mark.parametrize(
    ("url", "server", "text"),
    [
        ("mqtt://broker", Server("broker", 1883, secure=False), "broker:1883"),
        ("mqtts://broker", Server("broker", 8883, secure=True), "broker:8883"),
        ("mqtts://broker:99", Server("broker", 99, secure=True), "broker:99"),
        ("mqtt://[::1]:1884", Server("::1", 1884, secure=False), "[::1]:1884"),
        ("mqtt://[::1]", Server("::1", 1883, secure=False), "[::1]:1883"),
    ],
)
def test_an_address_has_the_usual_port(url: str, server: Server, text: str) -> None:
    assert Server.parse(url) == server
    assert str(server) == text


def test_servers_are_tried_in_order_and_then_again() -> None:
    some = servers(3)
    tried = []
    for _ in range(7):
        tried.append(some.next().host)
        some.failed(PASSING)
    assert tried == ["s0", "s1", "s2", "s0", "s1", "s2", "s0"]


def test_after_a_loss_the_next_server_is_tried_and_it_is_kept_while_it_serves() -> None:
    some = servers(2)
    some.failed(PASSING)
    some.succeeded()
    assert some.next().host == "s1"
    some.failed(PASSING)
    assert some.next().host == "s0"


def test_within_a_pass_the_next_server_is_tried_soon_and_each_pass_waits_longer() -> None:
    some = servers(2)
    assert [some.failed(PASSING) for _ in range(8)] == [0.25, 0.25, 0.25, 0.5, 0.25, 1, 0.25, 2]


def test_after_a_steady_connection_the_first_retry_is_quick() -> None:
    some = servers()
    for _ in range(9):
        some.failed(PASSING)
    some.succeeded()
    assert some.failed(PASSING) == 0.25


@pytest.mark.parametrize(("error", "seconds"), [(PASSING, 5.0), (MUST_FIX, 30.0)])
def test_the_delay_has_a_bound(error: BridgeError, seconds: float) -> None:
    some = servers()
    delays = [some.failed(error) for _ in range(2000)]
    assert delays == sorted(delays)
    assert delays[-1] == seconds


def test_who_was_taken_over_once_comes_back_at_once() -> None:
    """It may be the rightful owner, whose session must not stand still; `rivals` counts."""
    some = Servers(["mqtt://a", "mqtt://b"], longest)
    assert some.failed(TAKEN_OVER) == 0
    assert some.next().host == "a"


def test_after_an_end_without_a_reason_the_same_server_is_looked_at_before_it_can_be_up_again() -> (
    None
):
    """Who finds it away then goes on as ever."""
    some = servers(2)
    assert some.failed(SILENT) == 0
    assert some.next().host == "s0"
    assert some.failed(PASSING) == 0.25
    assert some.next().host == "s1"


def test_who_has_a_rival_stays_away_for_a_minute_and_more_and_tries_another_server_then() -> None:
    for jitter in (shortest, longest):
        some = Servers(["mqtt://a", "mqtt://b"], jitter)
        assert 60 <= some.failed(CONFLICT) <= 90
        assert some.next().host == "b"


@given(st.integers(1, 5), st.lists(st.sampled_from([PASSING, MUST_FIX]), max_size=60))
def test_jitter_spreads_retries_and_none_is_at_once(count: int, errors: list[BridgeError]) -> None:
    """No failure, of no server, makes a loop that spins."""
    low = Servers([f"mqtt://s{n}" for n in range(count)], shortest)
    high = Servers([f"mqtt://s{n}" for n in range(count)], longest)
    for error in errors:
        least, most = low.failed(error), high.failed(error)
        assert 0.125 <= least < most <= (30 if error is MUST_FIX else 5)
        assert most == 2 * least
