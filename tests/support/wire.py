"""The wire check (W), on what two proxies recorded: one before the MQTT broker, one before Kafka.

Every PUBACK of the bridge comes after the ProduceResponse of its message; every offset commit comes
after the PUBACKs of all records below it. The proxies must run in one process: their clock is one.
"""

import io
import struct
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import mqtt5
from aiokafka.protocol.commit import OffsetCommitRequest_v3
from aiokafka.protocol.produce import (
    ProduceRequest_v7,
    ProduceRequest_v8,
    ProduceResponse_v7,
    ProduceResponse_v8,
)
from aiokafka.record.memory_records import MemoryRecords

from tests.support.numbered import Numbered, numbered
from tests.support.proxy import Chunk

_PRODUCE, _OFFSET_COMMIT = 0, 8
_PRODUCES = {7: (ProduceRequest_v7, ProduceResponse_v7), 8: (ProduceRequest_v8, ProduceResponse_v8)}
_COMMITS = {3: OffsetCommitRequest_v3}
"""By version; the bridge's Kafka client speaks one of these."""


class Acknowledged(NamedTuple):
    """A PUBACK and what it was for."""

    at: float
    message: Numbered


class Commit(NamedTuple):
    """One position of an offset commit."""

    at: float
    topic: str
    partition: int
    offset: int


class Publication(NamedTuple):
    """A PUBLISH of the bridge, and the reason code of its PUBACK; None: there was none."""

    connection: int
    message: Numbered
    answer: int | None


def check_pubacks_follow_produce_responses(
    mqtt: Iterable[Chunk], kafka: Iterable[Chunk]
) -> list[Acknowledged]:
    """Check MQTT to Kafka; return the PUBACKs, so that a test can see that there were some.

    Raises:
        AssertionError: a message was acknowledged before Kafka said that it is stored, or never.
    """
    stored = stored_at(kafka)
    acknowledged = acknowledgements(mqtt, by_server=False)
    early = [a for a in acknowledged if stored.get(a.message, float("inf")) > a.at]
    assert not early, f"W: {len(early)} acknowledged before they were stored, such as {early[:5]}"
    return acknowledged


def check_commits_follow_pubacks(
    kafka: Iterable[Chunk],
    mqtt: Iterable[Chunk],
    topic: str,
    records: Mapping[tuple[int, int], Numbered],
) -> list[Commit]:
    """Check Kafka to MQTT; `records` are the topic's, by (partition, offset); return the commits.

    Raises:
        AssertionError: an offset was committed while a record below it had no PUBACK.
    """
    first: dict[Numbered, float] = {}
    for at, message in acknowledgements(mqtt, by_server=True):
        first.setdefault(message, at)
    latest: dict[int, list[float]] = defaultdict(list)
    offsets: dict[int, list[int]] = defaultdict(list)
    for (partition, offset), message in sorted(records.items()):
        own = latest[partition]
        own.append(max(own[-1] if own else 0.0, first.get(message, float("inf"))))
        offsets[partition].append(offset)
    found = [commit for commit in commits(kafka) if commit.topic == topic]
    for commit in found:
        below = bisect_left(offsets[commit.partition], commit.offset)
        if below and latest[commit.partition][below - 1] > commit.at:
            early = [
                message
                for (partition, offset), message in records.items()
                if (partition == commit.partition and offset < commit.offset)
                and first.get(message, float("inf")) > commit.at
            ]
            raise AssertionError(f"W: {commit} came before the PUBACKs of {early[:5]}")
    return found


def check_pubacks_answer_in_order(chunks: Iterable[Chunk]) -> int:
    """Check that PUBACKs of the bridge answer the PUBLISHes of their own connection, in order.

    A PUBACK for a packet id of an older connection, or session, is stale: it would tell the broker
    that a message is safe which merely has the same packet id. [MQTT-4.6.0-2] wants the order.

    Returns:
        How many PUBACKs there were.

    Raises:
        AssertionError: one answered nothing, or overtook another.
    """
    waiting: dict[int, deque[int | None]] = defaultdict(deque)
    count = 0
    for at, connection, to_server, packet in _mqtt_packets(chunks):
        if isinstance(packet, mqtt5.PublishPacket) and packet.packet_id and not to_server:
            waiting[connection].append(packet.packet_id)
        elif isinstance(packet, mqtt5.PubAckPacket) and to_server:
            due = waiting[connection].popleft() if waiting[connection] else None
            assert packet.packet_id == due, (
                f"W: at {at:.3f}, connection {connection}: PUBACK {packet.packet_id}, due was {due}"
            )
            count += 1
    return count


def unacknowledged(chunks: Iterable[Chunk]) -> int:
    """Return how many messages to the bridge have no PUBACK, on the newest connection."""
    newest = waiting = 0
    for _, connection, to_server, packet in _mqtt_packets(chunks):
        if connection > newest:
            newest, waiting = connection, 0
        if isinstance(packet, mqtt5.PublishPacket) and packet.packet_id and not to_server:
            waiting += connection == newest
        elif isinstance(packet, mqtt5.PubAckPacket) and to_server:
            waiting -= connection == newest
    return waiting


def acknowledgements(chunks: Iterable[Chunk], *, by_server: bool) -> list[Acknowledged]:
    """Return the PUBACKs of one side, in order, with the messages of the other side's PUBLISHes."""
    under_way: dict[tuple[int, int], Numbered] = {}
    found = []
    for at, connection, to_server, packet in _mqtt_packets(chunks):
        if isinstance(packet, mqtt5.PublishPacket) and to_server is by_server:
            message = numbered(packet.payload)
            if message is not None and packet.packet_id is not None:
                under_way[connection, packet.packet_id] = message
        elif isinstance(packet, mqtt5.PubAckPacket) and to_server is not by_server:
            message = under_way.pop((connection, packet.packet_id), None)
            found += [Acknowledged(at, message)] if message is not None else []
    return found


def publications(chunks: Iterable[Chunk]) -> list[Publication]:
    """Return what the bridge published, in order, and how the broker answered."""
    found: list[Publication] = []
    waiting: dict[tuple[int, int | None], int] = {}
    for _, connection, to_server, packet in _mqtt_packets(chunks):
        if isinstance(packet, mqtt5.PublishPacket) and to_server:
            message = numbered(packet.payload)
            if message is not None:
                waiting[connection, packet.packet_id] = len(found)
                found.append(Publication(connection, message, None))
        elif isinstance(packet, mqtt5.PubAckPacket) and not to_server:
            index = waiting.pop((connection, packet.packet_id), None)
            if index is not None:
                found[index] = found[index]._replace(answer=int(packet.reason_code))
    return found


def stored_at(chunks: Iterable[Chunk]) -> dict[Numbered, float]:
    """Return when Kafka first said of a message that it is stored."""
    sent: dict[tuple[int, int], tuple[Any, dict[tuple[str, int], list[Numbered]]]] = {}
    stored: dict[Numbered, float] = {}
    for at, connection, to_server, frame in kafka_frames(chunks):
        if to_server:
            api, version, correlation, body = kafka_request(frame)
            if api == _PRODUCE:
                request_type, response_type = _PRODUCES[version]
                *_, topics = request_type.SCHEMA.decode(body)
                sent[connection, correlation] = (response_type, dict(_batches(topics)))
        else:
            (correlation,) = struct.unpack_from(">i", frame)
            if (entry := sent.pop((connection, correlation), None)) is not None:
                response_type, batches = entry
                topics, _ = response_type.SCHEMA.decode(io.BytesIO(frame[4:]))
                stored |= {m: at for m in _accepted(topics, batches) if m not in stored}
    return stored


def commits(chunks: Iterable[Chunk]) -> list[Commit]:
    """Return the offset commits that were sent, in order."""
    found = []
    for at, _, to_server, frame in kafka_frames(chunks):
        if to_server:
            api, version, _, body = kafka_request(frame)
            if api == _OFFSET_COMMIT:
                *_, topics = _COMMITS[version].SCHEMA.decode(body)
                for topic, partitions in topics:
                    found += [Commit(at, topic, p, offset) for p, offset, _ in partitions]
    return found


def _batches(topics: Any) -> Iterator[tuple[tuple[str, int], list[Numbered]]]:  # noqa: ANN401 - a schema's
    for topic, partitions in topics:
        for partition, data in partitions:
            yield (topic, partition), list(_messages(data))


def _messages(data: bytes) -> Iterator[Numbered]:
    batches = MemoryRecords(data)
    while (batch := batches.next_batch()) is not None:
        for record in batch:
            if (message := numbered(record.value)) is not None:
                yield message


def _accepted(
    topics: Any,  # noqa: ANN401 - what a schema decodes
    batches: Mapping[tuple[str, int], Sequence[Numbered]],
) -> Iterator[Numbered]:
    for topic, partitions in topics:
        for partition, error, *_ in partitions:
            if error == 0:
                yield from batches[topic, partition]


def kafka_request(frame: bytes) -> tuple[int, int, int, io.BytesIO]:
    """Split a request: API key, version, correlation id, and what follows the client id."""
    api, version, correlation, length = struct.unpack_from(">hhih", frame)
    return api, version, correlation, io.BytesIO(frame[10 + max(length, 0) :])


def kafka_frames(chunks: Iterable[Chunk]) -> Iterator[tuple[float, int, bool, bytes]]:
    """Yield frames without their sizes, each at the time at which it was complete."""
    rest: dict[tuple[int, bool], bytes] = defaultdict(bytes)
    for at, connection, to_server, data in chunks:
        buffer = rest[connection, to_server] + data
        while len(buffer) >= 4 and len(buffer) >= (end := 4 + struct.unpack_from(">i", buffer)[0]):
            yield at, connection, to_server, buffer[4:end]
            buffer = buffer[end:]
        rest[connection, to_server] = buffer


def _mqtt_packets(chunks: Iterable[Chunk]) -> Iterator[tuple[float, int, bool, mqtt5.Packet]]:
    """Yield packets, each at the time at which it was complete."""
    rest: dict[tuple[int, bool], bytes] = defaultdict(bytes)
    for at, connection, to_server, data in chunks:
        buffer, position = rest[connection, to_server] + data, 0
        while True:
            try:
                packet, size = mqtt5.read(memoryview(buffer)[position:])
            except IndexError:  # not all of it is here yet
                break
            position += size
            yield at, connection, to_server, packet
        rest[connection, to_server] = buffer[position:]
