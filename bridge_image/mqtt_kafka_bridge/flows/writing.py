"""Writing messages to Kafka: the hot path from a message to its lane, in one producer's life."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mqtt_kafka_bridge.contract.mappings import OnError
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.flows.lanes import Lane, Lanes
from mqtt_kafka_bridge.flows.outcomes import Outcomes
from mqtt_kafka_bridge.flows.topics import Topics, UnknownTopic
from mqtt_kafka_bridge.flows.window import Slice
from mqtt_kafka_bridge.mapping.caches import TwoGenerations
from mqtt_kafka_bridge.mapping.dead_letters import Refusal, from_mqtt
from mqtt_kafka_bridge.mapping.inbound import InboundRouter, Route, Skipped
from mqtt_kafka_bridge.mapping.messages import Header, InboundMessage
from mqtt_kafka_bridge.mapping.murmur2 import partition_for
from mqtt_kafka_bridge.mapping.sizes import record_bytes

ROUTES = 100_000
"""Most MQTT topics whose route is remembered."""


class _Entry(NamedTuple):
    """Where messages of one MQTT topic go."""

    lane: Lane
    key: bytes | None
    headers: list[Header]
    room: int
    """Longest payload that fits, in bytes; negative: look at each message."""


class Stop(NamedTuple):
    """The message that stopped the mapping (`onError: Stop`)."""

    number: int
    error: RefusedError


class Writing:
    """Puts messages into lanes, in order.

    Args:
        router: the mapping, compiled.
        lanes: where records go.
        topics: what is known of the topics.
        outcomes: where it is noted what becomes of a message that is not simply forwarded.
        on_error: what to do with a message that can't be forwarded.
        refused: messages that Kafka itself refused before, by number.
        identity: `<namespace>/<name>` of the bridge and the mapping's name.
    """

    def __init__(
        self,
        router: InboundRouter,
        lanes: Lanes,
        topics: Topics,
        outcomes: Outcomes,
        on_error: OnError,
        refused: Mapping[int, tuple[InboundMessage, RefusedError]],
        identity: tuple[str, str],
    ) -> None:
        self.lanes = lanes
        self.topics = topics
        self.needed: str | None = None
        """The topic to look up before routing can go on."""
        self.stop: Stop | None = None
        self.settling = False
        """Whether a topic has new partitions, which are used once all that was put is stored: a key
        goes on in another partition, and a replay must not bring there what is older."""
        self._router = router
        self._outcomes = outcomes
        self._on_error = on_error
        self._refused = refused
        self._identity = identity
        self._entries: TwoGenerations[str, _Entry] = TwoGenerations(ROUTES)
        self._routes: TwoGenerations[str, Route] = TwoGenerations(ROUTES)

    @property
    def blocked(self) -> bool:
        """Whether nothing can be written before something has happened."""
        return self.needed is not None or self.stop is not None or self.settling

    def settle(self, routed: int) -> None:
        """Use new partitions, and compute every key's anew, once all below `routed` is stored."""
        if self.settling and self.lanes.oldest(routed) == routed:
            self.topics.grow()
            self._entries.clear()
            self.settling = False

    def write(self, part: Slice[InboundMessage]) -> int:
        """Put messages into their lanes; return the number of the first that had to wait.

        That is the number after the last, unless a topic is `needed` or a message said `stop`.
        """
        chunk, start, stop = part
        items = chunk.items if start == 0 else chunk.items[start:stop]
        number = chunk.first + start
        if self._refused:
            return self._write_each(number, items)
        find = self._entries.young.get
        next_batch = self.lanes.next_batch
        now_ms = time.time_ns() // 1_000_000
        for message in items:
            entry = find(message.topic)
            payload = message.payload
            if entry is not None and 0 < len(payload) <= entry[3] and not message.user_properties:
                lane, key, headers, _ = entry
                batch = lane.batch
                if (
                    batch is None
                    or batch.append(timestamp=now_ms, key=key, value=payload, headers=headers)
                    is None
                ):
                    next_batch(lane, number).append(
                        timestamp=now_ms, key=key, value=payload, headers=headers
                    )
            elif not self._write_one(number, message, now_ms):
                break
            number += 1
        return number

    def _write_each(self, number: int, items: Sequence[InboundMessage]) -> int:
        """Do the same with a look at each message."""
        now_ms = time.time_ns() // 1_000_000
        for message in items:
            if not self._write_one(number, message, now_ms):
                break
            number += 1
        return number

    def _write_one(self, number: int, message: InboundMessage, now_ms: int) -> bool:
        """Put one message where it belongs; return whether the next may follow."""
        try:
            try:
                known, error = self._refused.get(number, (None, None))
                if error is not None and known is message:
                    raise error
                self._convert(number, message, now_ms)
            except RefusedError as refusal:
                return self._refuse(number, message, now_ms, refusal)
        except UnknownTopic as unknown:
            self.needed = unknown.name
            return False
        return True

    def _convert(self, number: int, message: InboundMessage, now_ms: int) -> None:
        router = self._router
        route = self._routes.find(message.topic)
        if route is None:
            route = router.route(message.topic)
            self._routes.put(message.topic, route)
        converted = router.convert(route, message)
        if isinstance(converted, Skipped):
            self._outcomes.note(number, converted.outcome, converted.reason)
            return
        kafka_topic, key, value, headers = converted
        topic = self.topics.find(kafka_topic)
        size = record_bytes(key, value, headers)
        if size > topic.max_record_bytes:
            raise RefusedError(
                "RecordTooLarge",
                f"as a record it takes {size} bytes, and {kafka_topic} takes"
                f" {topic.max_record_bytes}",
            )
        partition = partition_for(key, topic.partitions)
        lane = self.lanes.lane(kafka_topic, partition, self.topics.max_batch_bytes(kafka_topic))
        self.lanes.put(lane, number, now_ms, key, value, headers)
        if route.plain and not router.retained_matters and headers is route.headers:
            room = topic.max_record_bytes - size + len(value or b"")
            self._entries.put(message.topic, _Entry(lane, key, headers, room))

    def _refuse(
        self, number: int, message: InboundMessage, now_ms: int, error: RefusedError
    ) -> bool:
        """Do what `onError` says."""
        if self._on_error == "Stop":
            self.stop = Stop(number, error)
            return False
        if self._on_error == "Drop":
            self._outcomes.note(number, "dropped", error.reason)
            return True
        name = self.topics.dead_letters
        topic = self.topics.find(name)
        bridge, mapping = self._identity
        at = datetime.fromtimestamp(now_ms / 1000, UTC)
        refusal = Refusal(bridge, mapping, error.reason, error.message, at)
        max_bytes = self.topics.max_batch_bytes(name)
        letter = from_mqtt(message, refusal, max_bytes=max_bytes)
        partition = partition_for(letter.key or b"", topic.partitions)
        lane = self.lanes.lane(name, partition, max_bytes)
        self.lanes.put(lane, number, now_ms, letter.key, letter.value, letter.headers)
        self._outcomes.note(number, "dead_lettered", error.reason)
        return True
