"""The benchmark's source counts every PUBACK once and notices each that is wrong."""

import itertools

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.acks import AckLedger


def puback(packet_id: int) -> bytes:
    """Return a PUBACK of four bytes."""
    return mqtt5.PubAckPacket(packet_id).write()


def pubacks(ids: list[int]) -> bytes:
    """Return PUBACKs in one run of bytes."""
    return b"".join(map(puback, ids))


@given(st.lists(st.integers(0, 400), max_size=8))
def test_pubacks_count_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    """TCP keeps no borders between packets."""
    ledger, data = AckLedger(), pubacks(list(range(1, 101)))
    ledger.sent(0, 100)
    edges = [0, *sorted(cuts), len(data)]
    ids = []
    for start, end in itertools.pairwise(edges):
        ids += ledger.feed(data[start:end])[0].tolist()
    assert ids == list(range(1, 101))
    assert (ledger.acknowledged, ledger.unknown, ledger.order_breaks) == (100, 0, 0)


def test_order_holds_over_the_start_of_packet_ids_anew() -> None:
    """Packet id 1 follows 65535."""
    ledger = AckLedger()
    ledger.sent(0, 65_535)
    ledger.feed(pubacks(list(range(1, 65_536))))
    ledger.sent(65_535, 2)
    ledger.feed(pubacks([1, 2]))
    assert (ledger.acknowledged, ledger.unknown, ledger.order_breaks) == (65_537, 0, 0)


def test_pubacks_out_of_order_are_noticed() -> None:
    """[MQTT-4.6.0-2]; three of the four do not follow the one before."""
    ledger = AckLedger()
    ledger.sent(0, 4)
    ledger.feed(pubacks([1, 3, 2, 4]))
    assert (ledger.acknowledged, ledger.unknown, ledger.order_breaks) == (4, 0, 3)


def test_a_puback_for_nothing_is_noticed() -> None:
    """Even when both stand in one read."""
    ledger = AckLedger()
    ledger.sent(0, 1)
    ledger.feed(pubacks([1, 1]))
    assert ledger.unknown == 1


def test_reason_codes_are_read() -> None:
    """Such a PUBACK has five bytes or more; 0x80 and above is a refusal."""
    ledger = AckLedger()
    ledger.sent(0, 3)
    ledger.feed(
        puback(1)
        + mqtt5.PubAckPacket(2, reason_code=mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS).write()
        + mqtt5.PubAckPacket(3, reason_code=mqtt5.PubAckReasonCode.QUOTA_EXCEEDED).write()
    )
    assert (ledger.acknowledged, ledger.refused) == (3, 1)


def test_other_packets_between_pubacks_are_returned() -> None:
    """A ping of two bytes must not wait for the next PUBACK."""
    ledger = AckLedger()
    ledger.sent(0, 2)
    ping = mqtt5.PingReqPacket().write()
    ids, others = ledger.feed(puback(1) + ping + puback(2) + ping[:1])
    assert ids.tolist() == [1, 2]
    assert [type(packet) for packet in others] == [mqtt5.PingReqPacket]
    assert [type(packet) for packet in ledger.feed(ping[1:])[1]] == [mqtt5.PingReqPacket]


def test_a_packet_that_no_subscriber_sends_is_an_error() -> None:
    """It would be a mistake of the bridge, or of ours."""
    with pytest.raises(TypeError, match="PublishPacket"):
        AckLedger().feed(mqtt5.PublishPacket("a", b"").write())


def test_an_id_in_use_is_not_free() -> None:
    """[MQTT-2.2.1-3]: a packet id is used again only after its PUBACK."""
    ledger = AckLedger()
    ledger.sent(0, 10)
    assert ledger.is_free(10, 10)
    assert not ledger.is_free(65_535, 1)  # its id is 1 again
    ledger.feed(pubacks([1]))
    assert ledger.is_free(65_535, 1)
