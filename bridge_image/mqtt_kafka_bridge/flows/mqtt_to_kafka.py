"""The flow of one session from MQTT to Kafka: received, written, and only then acknowledged."""

import asyncio
from collections.abc import Awaitable, Callable

from mqtt_kafka_bridge.contract.status import MappingState, Trouble
from mqtt_kafka_bridge.coordination.plan import Wanted
from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.flows import crash_points
from mqtt_kafka_bridge.flows.budget import MESSAGE_BYTES
from mqtt_kafka_bridge.flows.display import hinder, show_stopped
from mqtt_kafka_bridge.flows.markers import Marker
from mqtt_kafka_bridge.flows.outcomes import Outcomes
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.sessions import InboundSession
from mqtt_kafka_bridge.flows.window import Window
from mqtt_kafka_bridge.flows.writer import Writer
from mqtt_kafka_bridge.mapping.inbound import InboundRouter
from mqtt_kafka_bridge.mapping.messages import InboundMessage
from mqtt_kafka_bridge.mqtt.events import Received
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.observe.flow_board import FlowBoard

READ_GAP_SECONDS = 0.002
"""Pause between reads at a high rate: measured +42 % on a broker that sends a packet a write."""
READ_GAP_RATE = 4000.0
"""Messages a second from which on reads are spaced."""
_RATE_SECONDS = 0.05


class MqttToKafkaFlow:
    """One session of a mapping from MQTT to Kafka.

    Args:
        parts: what all flows share.
        wanted: which session, and how it is defined.
        board: where counts and states are shown.
        admit: proves, before every CONNECT, that the session is ours.
        marker: to listen to, while the session is being replaced.
    """

    def __init__(
        self,
        parts: Parts,
        wanted: Wanted,
        board: FlowBoard,
        admit: Callable[[], Awaitable[None]] | None = None,
        marker: Marker | None = None,
    ) -> None:
        config, mapping = parts.config, wanted.mapping
        router = InboundRouter(
            mapping,
            identity=config.identity,
            loop_guard=config.loop_guard,
            marker_prefix=config.client_id_prefix,
            own_topics={config.coordination_topic, config.dead_letter_topic},
        )
        self._board = board
        self._meter = board.meter
        self._time = asyncio.get_running_loop().time
        self._window: Window[InboundMessage] = Window()
        self._counted = self._received = 0
        self._outcomes = Outcomes(board.meter)
        self.session = InboundSession(parts, wanted, board, self, marker)
        self._share = parts.budget.share(self.session.hold)
        self._writer = Writer(parts, mapping, router, self._window, self._outcomes, self, board)
        self._keeper = Keeper(
            config.mqtt, self.session.options, self.session, parts.dial, parts.buffer, admit=admit
        )
        self._empty = asyncio.Event()
        self._resuming = False
        self._busy_at = self._time()
        self._rate_from = (self._busy_at, 0)

    async def run(self) -> None:
        """Forward until cancelled, or until a message stops the mapping.

        Raises:
            ExceptionGroup: of LeaseRefusedError: the session is not ours (any more).
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                keeper = tasks.create_task(self._keeper.run())
                await self._writer.run()
                self.session.cut()
                await self.session.end()
                keeper.cancel()
        finally:
            self._let_go()
            self._share.end()

    @property
    def idle_seconds(self) -> float:
        """For how long it has been subscribed, with nothing to read and nothing to finish."""
        if self._window or not self.session.subscribed.is_set():
            return 0.0
        return self._time() - max(self._busy_at, self.session.subscribed_at)

    async def drain(self) -> None:
        """Take no more, wait until all that was taken is acknowledged, disconnect in good order."""
        self._board.be(MappingState.DRAINING)
        self.session.cut()
        self._drop(self._writer.routed, orphans_only=False)
        while self._window:
            self._empty.clear()
            await self._empty.wait()
        await self.session.end()

    # From the session

    def received(self, event: Received) -> None:
        """Number what arrived, and put it into lanes."""
        messages, packet_ids, wire_bytes = event
        count = len(messages)
        meter = self._meter
        meter.received += count
        self._received += count
        if self._resuming:
            again = sum(message.duplicate for message in messages)
            meter.redelivered += again
            self._resuming = again > 0
        size = wire_bytes + count * MESSAGE_BYTES
        now = self._busy_at = self._time()
        chunk = self._window.add(messages, size, now, packet_ids, self.session.link)
        self._count()
        self._writer.arrived(chunk)
        self._share.use(self._window.size)

    def link_lost(self) -> None:
        """Keep what the link brought until it is known whether the broker still has it."""
        self._resuming = True

    def session_resumes(self) -> None:
        """Let go of what an old link brought and is in no lane yet: the broker sends it again."""
        self._drop(self._writer.routed, orphans_only=True)

    # From the writer

    def finish(self, up_to: int) -> None:
        """Acknowledge, in arrival order, everything below this number."""
        crash_points.crash_point("after_produce_before_puback")
        link = self.session.link
        now = self._busy_at = self._time()
        packet_ids: list[int | None] = []
        count = 0
        for chunk, start, stop in self._window.finish(up_to):
            if chunk.origin is link:
                packet_ids += chunk.packet_ids[start:stop]
            self._meter.latency.observe(now - chunk.at, stop - start)
            count += stop - start
        self._outcomes.finish(up_to, count)
        self.session.acknowledge(packet_ids)
        crash_points.crash_point("after_puback")
        self._space_reads(now)
        self._changed()

    def replay(self) -> None:
        """Let go of what an old link brought, if the new one brings it again.

        If the broker forgot the session nobody else has these messages: they are written, and
        acknowledged to nobody.
        """
        if self.session.resumed:
            self._drop(self._window.first, orphans_only=True)

    def stopped(self, error: RefusedError) -> None:
        """Show the message that stopped the mapping; it stays at the broker, unacknowledged."""
        show_stopped(self._board, error)

    def show(self, trouble: Trouble | None) -> None:
        """Show why the mapping can't write, or that it can."""
        hinder(self._board, "kafka", trouble)

    # Inside

    def _drop(self, since: int, *, orphans_only: bool) -> None:
        """Return messages to the broker that has to send them again: none of QoS 0."""
        link = self.session.link
        self._meter.returned += self._window.drop(
            max(since, self._window.first),
            lambda chunk, index: (
                chunk.packet_ids[index] is not None
                and (not orphans_only or chunk.origin is not link)
            ),
        )
        self._changed()

    def _let_go(self) -> None:
        """Return everything to the broker, after the link is closed."""
        self._meter.returned += self._window.clear()
        self._changed()

    def _count(self) -> None:
        """Count what is in flight; the mapping may have other sessions here."""
        count = len(self._window)
        self._meter.in_flight += count - self._counted
        self._counted = count

    def _changed(self) -> None:
        self._count()
        self._share.use(self._window.size)
        if not self._window:
            self._empty.set()

    def _space_reads(self, now: float) -> None:
        """Space reads while the rate is high, so that one read brings many packets."""
        since, count = self._rate_from
        if now - since < _RATE_SECONDS:
            return
        rate = (self._received - count) / (now - since)
        self._rate_from = now, self._received
        if self.session.link is not None:
            self.session.link.gap_seconds = READ_GAP_SECONDS if rate > READ_GAP_RATE else 0.0
