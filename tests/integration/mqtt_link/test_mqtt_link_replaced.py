"""What a session that is being replaced does over a new connection."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import mqtt5
import pytest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.coordination.plan import desired
from mqtt_kafka_bridge.flows.budget import Budget
from mqtt_kafka_bridge.flows.markers import Marker
from mqtt_kafka_bridge.flows.parts import Parts
from mqtt_kafka_bridge.flows.sessions import InboundSession
from mqtt_kafka_bridge.mqtt.dialing import dialer
from mqtt_kafka_bridge.mqtt.events import Received
from mqtt_kafka_bridge.mqtt.keeper import Keeper
from mqtt_kafka_bridge.mqtt.reader import ReadBuffer
from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_bridge.observe.flow_board import SessionBoard
from tests.support.broker_script import ScriptedBroker

_MARKER = "mqttkafka/local.plant/marker/x"


def _now() -> datetime:
    return datetime.now(UTC)


class _Flow:
    """Takes no note."""

    def received(self, event: Received) -> None:
        """Take messages."""

    def link_lost(self) -> None:
        """Miss nothing."""

    def session_resumes(self) -> None:
        """Expect nothing."""


@pytest.mark.parametrize(
    ("present", "leaving"), [(True, False), (False, False), (True, True), (False, True)]
)
async def test_it_is_subscribed_only_if_it_always_was(
    broker: ScriptedBroker, *, present: bool, leaving: bool
) -> None:
    """Of what it has missed the new one may have something, which must come first."""
    broker.script.connack = lambda _: mqtt5.ConnAckPacket(session_present=present)
    config = BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "mqtt": {"servers": [broker.url]},
            "kafka": {"bootstrapServers": ["127.0.0.1:1"]},
            "mqttToKafka": [{"name": "m", "from": {"filter": "m/#"}, "to": {"topic": "m"}}],
        }
    )
    wanted = replace(desired(config)[0], leaving=leaving)
    buffer = ReadBuffer(65_536)
    dial = dialer(config.mqtt)
    parts = Parts(
        config=config,
        pod="pod",
        kafka=None,  # type: ignore[arg-type] # a session alone writes nothing
        dial=dial,
        buffer=buffer,
        budget=Budget(1, 1),
        now=_now,
        starts=None,  # type: ignore[arg-type] # nor does it read
    )
    board = Board(config, "pod", _now).mapping("m").open(wanted.client_id)
    board.session = SessionBoard(wanted.client_id, _now(), 0, 0)
    session = InboundSession(parts, wanted, board, _Flow(), Marker(_MARKER))
    keeping = asyncio.create_task(Keeper(config.mqtt, session.options, session, dial, buffer).run())
    try:
        async with asyncio.timeout(10):
            await session.subscribed.wait()
        (connection,) = broker.connections
        subscribed = [
            topic_filter.pattern
            for packet in connection.packets(mqtt5.SubscribePacket)
            for topic_filter in packet.topic_filters
        ]
        left = [p.patterns for p in connection.packets(mqtt5.UnsubscribePacket)]
        assert session.forgotten is not present
        goes_on = present and not leaving
        assert subscribed == (["m/#", _MARKER] if goes_on else [])
        assert left == ([] if goes_on else [["m/#"]])
    finally:
        keeping.cancel()
