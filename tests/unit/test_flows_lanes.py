"""Lanes: one batch under way for each partition, in order, and the oldest that is not stored."""

import asyncio
from asyncio import Future
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.flows.lanes import Lanes
from mqtt_kafka_bridge.flows.ports import Batch
from mqtt_kafka_bridge.mapping.sizes import record_bytes
from tests.support.simulation.clock import SimulatedLoop
from tests.support.simulation.kafka_producer import SimulatedBatch

MAX_BYTES = 2 * record_bytes(None, b"0", [])
"""Two records of these tests fit into a batch."""


class Hand:
    """The part of a producer that lanes use; a test decides what becomes of a batch."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None
        """What happens while a batch is handed over, if that takes a moment."""
        self.sent: list[tuple[int, list[bytes | None], Future[object]]] = []

    def new_batch(self, max_bytes: int) -> Batch:
        """Return an empty batch."""
        return SimulatedBatch(max_bytes)

    async def send(self, batch: Batch, topic: str, partition: int) -> Future[object]:
        """Take a batch."""
        assert topic == "t"
        assert isinstance(batch, SimulatedBatch)
        stored: Future[object] = asyncio.get_running_loop().create_future()
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        await asyncio.sleep(0)
        self.sent.append((partition, [value for _, value, _ in batch.records], stored))
        return stored

    def answer(self, index: int) -> None:
        """Let a batch be stored."""
        self.sent[index][2].set_result(None)


class Bench:
    """Lanes, the hand that takes their batches, a clock, and how often they called."""

    def __init__(self) -> None:
        self.hand = Hand()
        self.now = 0.0
        self.calls = 0
        self.lanes = Lanes(self.hand, self._called, lambda: self.now)  # type: ignore[arg-type] # the part they use

    def _called(self) -> None:
        self.calls += 1

    def put(self, number: int, partition: int = 0) -> None:
        """Put a record whose value is its number."""
        lane = self.lanes.lane("t", partition, MAX_BYTES)
        self.lanes.put(lane, number, 0, None, b"%d" % number, [])

    @property
    def batches(self) -> list[tuple[int, list[bytes | None]]]:
        """What was handed over so far."""
        return [(partition, values) for partition, values, _ in self.hand.sent]


@pytest.fixture
def bench() -> Bench:
    """Nothing in any lane."""
    return Bench()


async def test_a_lone_record_leaves_at_once(bench: Bench) -> None:
    """No time is spent waiting for company."""
    bench.put(7)
    await bench.lanes.send()

    assert bench.batches == [(0, [b"7"])]
    assert bench.lanes.oldest(8) == 7


async def test_what_comes_while_a_batch_is_under_way_leaves_together(bench: Bench) -> None:
    """Group commit: one batch under way for each lane, the rest gathers behind it."""
    bench.put(0)
    await bench.lanes.send()
    for number in (1, 2, 3):
        bench.put(number)
    await bench.lanes.send()
    assert bench.batches == [(0, [b"0"])]

    bench.hand.answer(0)
    await asyncio.sleep(0)
    assert bench.lanes.oldest(4) == 1
    await bench.lanes.send()
    bench.hand.answer(1)
    await asyncio.sleep(0)
    await bench.lanes.send()

    assert bench.batches == [(0, [b"0"]), (0, [b"1", b"2"]), (0, [b"3"])]
    assert bench.calls == 2


async def test_everything_below_the_oldest_is_stored_whatever_order_answers_come_in(
    bench: Bench,
) -> None:
    """A later record of another lane is no reason to acknowledge an earlier one."""
    bench.put(0, partition=0)
    bench.put(1, partition=1)
    bench.put(2, partition=0)
    await bench.lanes.send()

    bench.hand.answer(1)
    await asyncio.sleep(0)
    assert bench.lanes.oldest(3) == 0
    bench.hand.answer(0)
    await asyncio.sleep(0)
    assert bench.lanes.oldest(3) == 3


async def test_a_failed_batch_is_told_with_its_first_record(bench: Bench) -> None:
    """The writer replays from the oldest, or makes batches smaller."""
    bench.put(4)
    bench.put(5)
    await bench.lanes.send()
    bench.put(6)
    error = RuntimeError("no")

    bench.hand.sent[0][2].set_exception(error)
    await asyncio.sleep(0)

    assert bench.lanes.failure == (error, "t", 4, 2, MAX_BYTES)
    assert bench.lanes.oldest(7) == 4
    assert bench.calls == 1


async def test_after_a_failure_nothing_counts_as_stored(bench: Bench) -> None:
    """The producer is spent; what it still answers belongs to nobody."""
    bench.put(0, partition=0)
    bench.put(1, partition=1)
    await bench.lanes.send()
    bench.hand.sent[0][2].set_exception(RuntimeError("first"))
    await asyncio.sleep(0)

    bench.hand.sent[1][2].set_exception(RuntimeError("second"))
    await asyncio.sleep(0)

    assert bench.lanes.failure is not None
    assert str(bench.lanes.failure.error) == "first"
    assert bench.calls == 1


async def test_a_lane_that_fills_while_another_is_served_sends_one_batch_at_a_time(
    bench: Bench,
) -> None:
    """Two at once would be a race for the order, and the first would count as stored."""
    bench.put(0, partition=0)
    bench.put(1, partition=1)
    bench.put(2, partition=1)
    bench.hand.meanwhile = lambda: bench.put(3, partition=1)

    await bench.lanes.send()
    await bench.lanes.send()
    assert bench.batches == [(0, [b"0"]), (1, [b"1", b"2"])]
    bench.hand.answer(0)
    await asyncio.sleep(0)
    assert bench.lanes.oldest(4) == 1

    bench.hand.answer(1)
    await asyncio.sleep(0)
    await bench.lanes.send()
    assert bench.batches[2:] == [(1, [b"3"])]


async def test_a_cancelled_batch_is_no_answer(bench: Bench) -> None:
    """Whoever cancels is about to go."""
    bench.put(0)
    await bench.lanes.send()

    bench.hand.sent[0][2].cancel()
    await asyncio.sleep(0)

    assert (bench.lanes.failure, bench.calls, bench.lanes.oldest(1)) == (None, 0, 0)


async def test_a_batch_without_an_answer_stalls(bench: Bench) -> None:
    """Time counts from when it was handed over."""
    bench.put(0)
    assert not bench.lanes.stalled(20.0)
    bench.now = 5.0
    await bench.lanes.send()

    bench.now = 25.0
    assert not bench.lanes.stalled(20.0)
    bench.now = 25.1
    assert bench.lanes.stalled(20.0)

    bench.hand.answer(0)
    await asyncio.sleep(0)
    assert not bench.lanes.stalled(20.0)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 2)),
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("answer"), st.integers(0, 2)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps)
def test_lanes_keep_order_and_never_claim_too_much(doing: list[tuple[str, int]]) -> None:
    """In any interleaving: one batch a lane, records in order, `oldest` exactly the oldest."""

    async def run() -> None:
        bench, number, stored = Bench(), 0, set[int]()
        waiting: dict[int, int] = {}
        for what, which in [
            *doing,
            *[("send", 0), ("answer", 0), ("answer", 1), ("answer", 2)] * 60,
        ]:
            if what == "put":
                bench.put(number, which)
                number += 1
            elif what == "send":
                before = len(bench.hand.sent)
                await bench.lanes.send()
                for index in range(before, len(bench.hand.sent)):
                    partition = bench.hand.sent[index][0]
                    assert partition not in waiting, "two batches under way in one lane"
                    waiting[partition] = index
            elif which in waiting:
                index = waiting.pop(which)
                bench.hand.answer(index)
                await asyncio.sleep(0)
                stored |= {int(value or b"") for value in bench.hand.sent[index][1]}
            missing = set(range(number)) - stored
            assert bench.lanes.oldest(number) == min(missing, default=number)
        for partition in range(3):
            values = [int(v or b"") for p, vs, _ in bench.hand.sent if p == partition for v in vs]
            assert values == sorted(values)

    loop = SimulatedLoop()
    loop.run_until_complete(run())
    loop.close()
