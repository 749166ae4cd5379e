"""Publishing records to MQTT: the hot path from a fetched record to its PUBLISH."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from mqtt_kafka_bridge.contract.mappings import KafkaToMqtt
from mqtt_kafka_bridge.contract.status import Trouble
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.flows.display import words
from mqtt_kafka_bridge.flows.held import PASSING_CODES, Held
from mqtt_kafka_bridge.flows.outcomes import Outcomes
from mqtt_kafka_bridge.flows.ports import TopicPartition
from mqtt_kafka_bridge.flows.progress import source
from mqtt_kafka_bridge.flows.window import Window
from mqtt_kafka_bridge.mapping.caches import TwoGenerations
from mqtt_kafka_bridge.mapping.messages import Publication, SourceRecord
from mqtt_kafka_bridge.mapping.outbound import OutboundRouter, Skipped
from mqtt_kafka_bridge.mqtt import reasons
from mqtt_kafka_bridge.mqtt.alike import Alike, utf8_string
from mqtt_kafka_bridge.mqtt.events import Acknowledged
from mqtt_kafka_bridge.mqtt.link import Link
from mqtt_kafka_bridge.observe.flow_board import FlowBoard

log = structlog.get_logger()
TOPICS = 100_000
"""Most keys whose MQTT topic is remembered."""
SETTLED_SECONDS = 2.0
"""How long after a retry a broker that still refuses has said so."""
BURST = 1000
"""Most records published in one go, so that the loop stays free for others."""

Refuse = Callable[[int, SourceRecord, TopicPartition, RefusedError], bool]
"""Do what `onError` says with a record; return whether the next may follow."""


class Publishing:
    """Publishes a window's records over one link after the other, in order.

    Args:
        mapping: which mapping.
        router: the same, compiled.
        window: the records; as `Progress` keeps them.
        board: where counts and states are shown.
        outcomes: where it is noted what becomes of a record that is not simply forwarded.
        refuse: what to do with a record that can't be forwarded.
        now: the loop's clock, in seconds.
    """

    def __init__(
        self,
        mapping: KafkaToMqtt,
        router: OutboundRouter,
        window: Window[SourceRecord],
        board: FlowBoard,
        outcomes: Outcomes,
        refuse: Refuse,
        now: Callable[[], float],
    ) -> None:
        self.sent = 0
        """The number up to which records were published, or are held."""
        self.held = Held()
        self.trouble: Trouble | None = None
        """Why records are held, if any are."""
        self.qos = self._wanted_qos = int(mapping.to.qos)
        self._router = router
        self._window = window
        self._board = board
        self._outcomes = outcomes
        self._refuse = refuse
        self._now = now
        self._topics: TwoGenerations[bytes | None, bytes] = TwoGenerations(TOPICS)
        self._alike = Alike(self.qos, router.user_properties, retain=router.retain)
        self._retried: set[int] = set()
        self._retain_available = True
        self._room = 0

    @property
    def due(self) -> bool:
        """Whether there is anything to publish now."""
        return self.sent < self._window.next or self.retry_due

    @property
    def retry_due(self) -> bool:
        """Whether records that the broker refused for now are to be published again."""
        return bool(self.held) and self.held.retry_at <= self._now()

    def use(self, link: Link, maximum_qos: int, *, retain_available: bool) -> None:
        """Publish over a new link from now on; nothing is in flight on it."""
        self.qos = min(self._wanted_qos, maximum_qos)
        self._retain_available = retain_available
        router = self._router
        self._alike = Alike(self.qos, router.user_properties, retain=router.retain)
        self._room = link.session.outgoing.plain_room

    def start_over(self) -> None:
        """Forget what was published and held: it comes again."""
        self.sent = self._window.next
        self.held.start_over()
        self._retried.clear()

    def oldest(self, link: Link) -> int:
        """Return the smallest number that the broker has not acknowledged."""
        outgoing = link.session.outgoing
        self._look_whether_settled()
        if self._retried:
            waiting = outgoing.numbers()
            self._retried &= waiting
            oldest = min(waiting, default=self.sent)
        else:
            oldest = outgoing.oldest(self.sent)
        return min(oldest, self.held.oldest(self.sent)) if self.held else oldest

    def publish(self, link: Link, *, further: bool) -> int:
        """Publish what the broker's Receive Maximum allows; return how many records it took.

        With `further` it goes on after what was sent already; without, it only retries.
        """
        room = min(BURST, link.session.outgoing.window) if self.qos else BURST
        retried = self._retry(link, room) if self.retry_due else 0
        room -= retried
        before = self.sent
        if further and room > 0:
            for chunk, start, stop in self._window.since(self.sent):
                records = chunk.items[start : min(stop, start + room)]
                self._publish(link, records, source(chunk).partition)
                break
        return retried + self.sent - before

    def _publish(
        self, link: Link, records: Sequence[SourceRecord], partition: TopicPartition
    ) -> None:
        """Publish records that follow each other; runs that are alike go out together."""
        router, find, room = self._router, self._topics.young.get, self._room
        plain = router.by_key and not self.held and (self._retain_available or not router.retain)
        pairs: list[tuple[bytes, bytes]] = []
        now_ms = time.time_ns() // 1_000_000
        for record in records:
            value = record.value
            topic = find(record.key) if plain else None
            if (
                topic is not None
                and value is not None
                and len(value) <= room
                and not record.headers
            ):
                pairs.append((topic, value))
                continue
            self._flush(link, pairs)
            pairs = []
            if not self._publish_one(link, self.sent, record, partition, now_ms):
                return
            self.sent += 1
        self._flush(link, pairs)

    def _flush(self, link: Link, pairs: list[tuple[bytes, bytes]]) -> None:
        if pairs:
            outgoing = link.session.outgoing
            link.write(outgoing.publish_alike(self._alike, pairs, self.sent, self.qos))
            self.sent += len(pairs)

    def _publish_one(
        self, link: Link, number: int, record: SourceRecord, partition: TopicPartition, now_ms: int
    ) -> bool:
        """Publish one record, or do what it comes to; return whether the next may follow."""
        if self.held and record.key in self.held:
            self.held.follow(record.key, number)
            return True
        try:
            publication = self._convert(link, record, partition, now_ms)
        except RefusedError as error:
            return self._refuse(number, record, partition, error)
        if isinstance(publication, Skipped):
            self._outcomes.note(number, publication.outcome, publication.reason)
            return True
        link.write(link.session.outgoing.publish(publication, number, self.qos))
        return True

    def _convert(
        self, link: Link, record: SourceRecord, partition: TopicPartition, now_ms: int
    ) -> Publication | Skipped:
        router = self._router
        converted = router.convert(record, partition.topic, partition.partition, now_ms)
        self._board.meter.headers_left_out = router.headers_left_out
        if isinstance(converted, Skipped):
            return converted
        if converted.retain and not self._retain_available:
            raise RefusedError("RetainUnavailable", "the broker keeps no retained messages")
        if not link.session.outgoing.fits(converted):
            limit = link.session.outgoing.maximum_packet_size
            raise RefusedError("PacketTooLarge", f"the broker takes packets of {limit} bytes")
        if router.by_key:
            self._topics.put(record.key, utf8_string(converted.topic))
        return converted

    def acknowledged(self, event: Acknowledged) -> None:
        """Take PUBACKs: hold what the broker refused for now, give up what it refused for good."""
        for number, code in event.refused:
            if number < self._window.first:
                continue  # It was given up meanwhile, and is read again.
            record, partition = self._at(number)
            if code in PASSING_CODES:
                self.held.refuse(record.key, number, self._now())
                self._show(record, partition, code)
            else:
                error = RefusedError("MqttRefused", f"the broker refused it, reason 0x{code:02X}")
                self._refuse(number, record, partition, error)

    def _look_whether_settled(self) -> None:
        """Show no more trouble when nothing was refused for a while after the last retry."""
        if self.trouble is None or self.held or self._retried:
            return
        if self._now() >= self.held.retry_at + SETTLED_SECONDS:
            self.held.settled()
            self._board.risks.pop(self.trouble.reason, None)
            self.trouble = None

    def _show(self, record: SourceRecord, partition: TopicPartition, code: int) -> None:
        """Show why records are held, and for which MQTT topic it was seen."""
        converted = self._router.convert(record, *partition, time.time_ns() // 1_000_000)
        topic = converted.topic if isinstance(converted, Publication) else "?"
        trouble = reasons.refused_for_now(code, topic).trouble
        if self.trouble is None:
            log.warning("records held", mapping=self._board.name, **words(trouble))
            self._board.risks[trouble.reason] = self.trouble = trouble

    def _retry(self, link: Link, room: int) -> int:
        """Publish held records again; return how many."""
        numbers = self.held.take()
        now_ms = time.time_ns() // 1_000_000
        for number in numbers[:room]:
            record, partition = self._at(number)
            self._retried.add(number)
            self._publish_one(link, number, record, partition, now_ms)
        for number in numbers[room:]:
            self.held.follow(self._at(number)[0].key, number)
        return min(room, len(numbers))

    def _at(self, number: int) -> "_Place":
        chunk = self._window.chunk_of(number)
        return _Place(chunk.items[number - chunk.first], source(chunk).partition)


class _Place(NamedTuple):
    """A record and where it stands."""

    record: SourceRecord
    partition: TopicPartition
