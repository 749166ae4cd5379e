"""What proxies recorded of pods: who connected to the MQTT broker as whom, which commits held."""

import io
import struct
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import mqtt5
from aiokafka.protocol.commit import OffsetCommitRequest_v3, OffsetCommitResponse_v3

from tests.support.proxy import Chunk
from tests.support.wire import kafka_frames, kafka_request

_OFFSET_COMMIT = 8


class Connect(NamedTuple):
    """A CONNECT; `at` is a time of day."""

    at: float
    client_id: str


class MemberCommit(NamedTuple):
    """An offset commit and Kafka's answer; `at` is on the clock of the recordings."""

    at: float
    group: str
    generation: int
    member: str
    errors: frozenset[int]
    """0: stored."""


def connects(chunks: Iterable[Chunk]) -> Iterator[Connect]:
    """Yield all CONNECTs, in order; each begins a connection."""
    to_time_of_day = time.time() - time.monotonic()
    seen = set()
    for at, connection, to_server, data in chunks:
        if to_server and connection not in seen:
            seen.add(connection)
            packet, _ = mqtt5.read(memoryview(data))
            assert isinstance(packet, mqtt5.ConnectPacket), packet
            yield Connect(at + to_time_of_day, packet.client_id)


def member_commits(chunks: Iterable[Chunk]) -> Iterator[MemberCommit]:
    """Yield all offset commits that were answered, in the order of the answers."""
    sent: dict[tuple[int, int], tuple[float, str, int, str]] = {}
    for at, connection, to_server, frame in kafka_frames(chunks):
        if to_server:
            api, _, correlation, body = kafka_request(frame)
            if api == _OFFSET_COMMIT:
                group, generation, member, *_ = OffsetCommitRequest_v3.SCHEMA.decode(body)
                sent[connection, correlation] = at, group, generation, member
        else:
            (correlation,) = struct.unpack_from(">i", frame)
            if (request := sent.pop((connection, correlation), None)) is not None:
                _, topics = OffsetCommitResponse_v3.SCHEMA.decode(io.BytesIO(frame[4:]))
                errors = frozenset(code for _, answers in topics for _, code in answers)
                yield MemberCommit(*request, errors)
