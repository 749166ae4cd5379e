"""Classic mistakes about storing, acknowledging and committing, to be planted in the flows."""

from asyncio import Future
from collections.abc import Callable

import pytest

from mqtt_kafka_bridge.flows.dead_letters import DeadLetters
from mqtt_kafka_bridge.flows.held import Held
from mqtt_kafka_bridge.flows.lanes import Lane, Lanes
from mqtt_kafka_bridge.flows.mqtt_to_kafka import MqttToKafkaFlow
from mqtt_kafka_bridge.flows.ports import Batch
from mqtt_kafka_bridge.flows.publishing import Publishing
from mqtt_kafka_bridge.flows.sessions import InboundSession
from mqtt_kafka_bridge.mqtt.events import Received
from mqtt_kafka_bridge.mqtt.outgoing import Outgoing
from tests.support.simulation.kafka_producer import SimulatedProducer

Plant = Callable[[pytest.MonkeyPatch], None]


def acknowledge_before_it_is_stored(patch: pytest.MonkeyPatch) -> None:
    """What is in a lane counts as stored."""
    patch.setattr(Lanes, "oldest", lambda _, default: default)


def commit_before_the_puback(patch: pytest.MonkeyPatch) -> None:
    """What is published counts as acknowledged."""
    patch.setattr(Publishing, "oldest", lambda publishing, _: publishing.sent)


def commit_past_a_held_record(patch: pytest.MonkeyPatch) -> None:
    """What the broker refused for now leaves a gap, and the offset behind it is committed."""
    patch.setattr(Held, "oldest", lambda _, default: default)


def commit_past_a_dead_letter(patch: pytest.MonkeyPatch) -> None:
    """A dead letter that is not stored leaves a gap, and the offset behind it is committed."""
    patch.setattr(DeadLetters, "oldest", lambda _, default: default)


def skip_what_comes_again(patch: pytest.MonkeyPatch) -> None:
    """What has DUP = 1 was surely stored the first time."""
    received = MqttToKafkaFlow.received

    def mutant(flow: MqttToKafkaFlow, event: Received) -> None:
        pairs = list(zip(event.messages, event.packet_ids, strict=True))
        new = [(message, packet_id) for message, packet_id in pairs if not message.duplicate]
        flow.session.acknowledge([i for m, i in pairs if m.duplicate])
        if new:
            messages, packet_ids = zip(*new, strict=True)
            received(flow, Received(messages, packet_ids, event.wire_bytes))

    patch.setattr(MqttToKafkaFlow, "received", mutant)


class _Forgetful(dict[int, int]):
    """Packet ids of which none seems to be in use."""

    def __contains__(self, _: object) -> bool:
        return False


def reuse_packet_ids_in_flight(patch: pytest.MonkeyPatch) -> None:
    """Packet ids begin anew with every write."""
    for name in ("publish", "publish_alike"):
        original = getattr(Outgoing, name)

        def mutant(
            outgoing: Outgoing,
            *args: object,
            original: Callable[..., bytes] = original,
            **kwargs: object,
        ) -> bytes:
            outgoing._packet_id = 0  # noqa: SLF001 - a mutant is surgery
            outgoing._in_flight = _Forgetful(outgoing._in_flight)  # noqa: SLF001
            return original(outgoing, *args, **kwargs)

        patch.setattr(Outgoing, name, mutant)


def go_on_without_the_failed_batch(patch: pytest.MonkeyPatch) -> None:
    """A failed batch is forgotten, and the same producer goes on: nothing is replayed."""

    def mutant(lanes: Lanes, lane: Lane, _batch: Batch, stored: Future[object]) -> None:
        stored.exception()
        _next(lanes, lane)

    patch.setattr(Lanes, "_done", mutant)


def replay_only_the_failed_batch(patch: pytest.MonkeyPatch) -> None:
    """A failed batch is sent again by itself, behind what was waiting meanwhile."""

    def mutant(lanes: Lanes, lane: Lane, batch: Batch, stored: Future[object]) -> None:
        if stored.exception() is not None and lane.sending is not None:
            producer = lanes._producer  # noqa: SLF001 - a mutant is surgery
            assert isinstance(producer, SimulatedProducer)
            producer.mend()
            if lane.batch is not None:
                lane.waiting.append((lane.first, lane.batch))
                lane.batch = None
            lane.waiting.append((lane.sending, batch))
        _next(lanes, lane)

    def oldest(lane: Lane) -> int:
        sending = [] if lane.sending is None else [lane.sending]
        filling = [] if lane.batch is None else [lane.first]
        return min([*sending, *filling, *(first for first, _ in lane.waiting)])

    patch.setattr(Lanes, "_done", mutant)
    patch.setattr(Lane, "oldest", oldest)


def read_on_above_the_limit(patch: pytest.MonkeyPatch) -> None:
    """Too many bytes are in flight, and the socket is read all the same."""
    patch.setattr(InboundSession, "hold", lambda _session, _held: None)


def _next(lanes: Lanes, lane: Lane) -> None:
    lane.sending = None
    if lane.waiting or lane.batch is not None:
        lanes._ready[lane] = None  # noqa: SLF001
    else:
        del lanes._active[lane]  # noqa: SLF001
    lanes._changed()  # noqa: SLF001


MUTANTS: list[tuple[Plant, set[str]]] = [
    (acknowledge_before_it_is_stored, {"W"}),
    (commit_before_the_puback, {"W"}),
    (commit_past_a_held_record, {"W"}),
    (commit_past_a_dead_letter, {"W"}),
    (skip_what_comes_again, {"W"}),
    (reuse_packet_ids_in_flight, {"wire"}),
    (go_on_without_the_failed_batch, {"W"}),
    (replay_only_the_failed_batch, {"O", "L"}),
    (read_on_above_the_limit, {"M"}),
]
"""Each with the checks that it is for."""
