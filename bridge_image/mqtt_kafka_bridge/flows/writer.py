"""The writer of a mapping from MQTT: one producer at a time, from its opening to its end.

A producer that failed is spent. The next one starts at the oldest unacknowledged message and writes
everything from there in order (the contiguity rule): nothing is skipped, nothing is retried alone.
"""

import asyncio
from enum import Enum, auto
from typing import Protocol

from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.contract.status import Reason, Trouble
from mqtt_kafka_bridge.errors import BridgeError, PassingError, RefusedError
from mqtt_kafka_bridge.flows.lanes import Failure, Lanes
from mqtt_kafka_bridge.flows.outcomes import Outcomes
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.ports import RecordProducer, Topic
from mqtt_kafka_bridge.flows.tasks import Backoff, Lookups, ticking
from mqtt_kafka_bridge.flows.topics import Topics, fixed_topic, replication_risk
from mqtt_kafka_bridge.flows.window import Chunk, Slice, Window
from mqtt_kafka_bridge.flows.writing import Writing
from mqtt_kafka_bridge.mapping.dead_letters import SMALLEST_BYTES as SMALLEST_DEAD_LETTER
from mqtt_kafka_bridge.mapping.inbound import InboundRouter
from mqtt_kafka_bridge.mapping.messages import InboundMessage
from mqtt_kafka_bridge.observe.flow_board import FlowBoard

STALL_SECONDS = 20.0
"""A batch that has been under way for longer ends its producer (aiokafka #1017)."""
SILENCE_SECONDS = 15.0
"""Kafka is gone when it has been silent for longer, even if there is nothing to write."""
_SMALLEST_BATCH_BYTES = 1024
_LOOKING_UP = Trouble(reason=Reason.STARTING, message="the Kafka topic is being looked up")


class Acknowledger(Protocol):
    """The flow around a writer."""

    def finish(self, up_to: int) -> None:
        """Acknowledge all messages below this number: each is stored, or its dead letter is."""
        ...

    def replay(self) -> None:
        """Prepare for everything unfinished to be written again."""
        ...

    def stopped(self, error: RefusedError) -> None:
        """Learn that a message stopped the mapping; what is before it is finished."""
        ...

    def show(self, trouble: Trouble | None) -> None:
        """Show why the mapping can't write, or that it can."""
        ...


class _End(Enum):
    """How a producer's life ended, other than by an error."""

    STOPPED = auto()
    AGAIN = auto()


class Writer:
    """Writes a window to Kafka.

    Args:
        parts: what all flows share.
        mapping: which mapping.
        router: the same, compiled.
        window: what has to be written.
        outcomes: where it is noted what becomes of each message.
        flow: who acknowledges.
        board: where the link is shown.
    """

    def __init__(
        self,
        parts: Parts,
        mapping: MqttToKafka,
        router: InboundRouter,
        window: Window[InboundMessage],
        outcomes: Outcomes,
        flow: Acknowledger,
        board: FlowBoard,
    ) -> None:
        self.routed = 0
        """The number up to which messages are in lanes."""
        self._config = parts.config
        self._mapping = mapping
        self._router = router
        self._kafka = parts.kafka
        self._fixed_topic = fixed_topic(mapping)
        self._window = window
        self._outcomes = outcomes
        self._flow = flow
        self._board = board
        self._wake = asyncio.Event()
        self._writing: Writing | None = None
        self._refused: dict[int, tuple[InboundMessage, RefusedError]] = {}
        self._batch_limits: dict[str, int] = {}
        self._backoff = Backoff()

    def arrived(self, chunk: Chunk[InboundMessage]) -> None:
        """Put what has just arrived into lanes at once, if all before it is there."""
        writing = self._writing
        if writing is not None and self.routed == chunk.first and not writing.blocked:
            self.routed = writing.write(Slice(chunk, 0, len(chunk.items)))
            self._wake.set()

    async def run(self) -> None:
        """Open producers, again and again; return when a message stopped the mapping."""
        while True:
            try:
                if await self._live() is _End.STOPPED:
                    return
            except BridgeError as error:
                self._board.kafka.failed(error.trouble)
                self._flow.show(error.trouble)
                await self._backoff.wait()

    async def _live(self) -> _End:
        """Live one producer's life. Raises BridgeError when it is spent."""
        producer = await self._kafka.open_producer(self._mapping.name)
        try:
            writing = self._writing_with(producer)
            self._flow.replay()
            self._outcomes.forget(self._window.first)
            self.routed = self._window.first
            self._writing = writing
            self._flow.show(_LOOKING_UP if writing.needed else None)
            self._board.kafka.up()
            return await self._pump(producer, writing)
        finally:
            self._writing = None
            self.routed = self._window.first
            await producer.abandon()

    def _writing_with(self, producer: RecordProducer) -> Writing:
        config, now = self._config, asyncio.get_running_loop().time
        topics = Topics(
            producer, self._fixed_topic, config.dead_letter_topic, self._batch_limits, now
        )
        writing = Writing(
            self._router,
            Lanes(producer, self._wake.set, now),
            topics,
            self._outcomes,
            self._mapping.on_error,
            self._refused,
            (config.identity, self._mapping.name),
        )
        writing.needed = self._fixed_topic
        return writing

    async def _pump(self, producer: RecordProducer, writing: Writing) -> _End:
        """Route, acknowledge and send, each time that something changed, and once a second."""
        lanes, window, wake = writing.lanes, self._window, self._wake
        with ticking(wake) as ticks, Lookups(wake) as lookups:
            wake.set()
            while True:
                await wake.wait()
                wake.clear()
                lookups.check()
                if lanes.failure is not None and self._resize(lanes.failure):
                    return _End.AGAIN
                writing.settle(self.routed)
                if self.routed < window.next and not writing.blocked:
                    self._route(writing)
                if writing.needed is not None:
                    lookups.start(writing.needed, self._learn(writing, writing.needed))
                up_to = lanes.oldest(self.routed)
                if up_to > window.first:
                    self._backoff.reset()
                    self._flow.finish(up_to)
                await lanes.send()
                if writing.stop is not None and writing.stop.number == window.first:
                    self._flow.stopped(writing.stop.error)
                    return _End.STOPPED
                if ticks.passed():
                    self._check(producer, writing)

    def _route(self, writing: Writing) -> None:
        """Put the backlog into lanes, as far as it goes."""
        for part in list(self._window.since(self.routed)):
            self.routed = writing.write(part)
            if writing.blocked:
                return

    async def _learn(self, writing: Writing, name: str) -> None:
        """Look a topic up until it is known; meanwhile messages before it go on."""
        while True:
            try:
                topic = await writing.topics.learn(name)
                break
            except BridgeError as error:
                self._flow.show(error.trouble)
                await self._backoff.wait()
        self._backoff.reset()
        self._flow.show(None)
        if topic is not None:
            self._note_risk(name, topic)
        writing.needed = None

    def _note_risk(self, name: str, topic: Topic) -> None:
        risk = replication_risk(name, topic)
        if risk is not None and name != self._config.dead_letter_topic:
            self._board.risks[risk.reason] = risk

    def _resize(self, failure: Failure) -> bool:
        """Return whether writing may go on at once, with smaller batches or without one record.

        Raises:
            BridgeError: any other failure.
        """
        error, topic = failure.error, failure.topic
        for_dead_letters = topic == self._config.dead_letter_topic
        smallest = SMALLEST_DEAD_LETTER if for_dead_letters else _SMALLEST_BATCH_BYTES
        if not self._kafka.is_too_large(error) or (
            for_dead_letters and failure.max_bytes <= smallest
        ):
            raise self._kafka.explain(error) from error
        if failure.records == 1 and not for_dead_letters:
            message = self._window.chunk_of(failure.first).item(failure.first)
            refusal = RefusedError("RecordTooLarge", f"the topic {topic} refused it for its size")
            self._refused[failure.first] = message, refusal
        else:
            self._batch_limits[topic] = max(smallest, failure.max_bytes // 2)
        return True

    def _check(self, producer: RecordProducer, writing: Writing) -> None:
        """Do what is due once a second. Raises PassingError: Kafka is silent for too long."""
        for number in [n for n in self._refused if n < self._window.first]:
            del self._refused[number]
        if writing.topics.grown:
            writing.settling = True
            self._wake.set()
        if producer.silent_seconds > SILENCE_SECONDS:
            raise PassingError(
                Reason.KAFKA_UNREACHABLE,
                f"Kafka has not been heard for {SILENCE_SECONDS:g} s",
                "see that its brokers run and that their advertised addresses can be reached",
            )
        if writing.lanes.stalled(STALL_SECONDS):
            raise PassingError(
                Reason.KAFKA_WRITE_FAILED,
                f"Kafka has not stored a batch for {STALL_SECONDS:g} s",
                "check that the topic's partitions have leaders and enough in-sync replicas",
            )
