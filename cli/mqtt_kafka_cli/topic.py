"""The sessions as the coordination topic has them: all of a bridge, however many pods it has."""

import asyncio
from datetime import datetime

from pydantic import Field

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Statement
from mqtt_kafka_bridge.coordination.records import RecordState
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.kafka.session_overview import Overview, overview

_NAME = "mqtt-kafka"
"""As whom Kafka's logs know this program."""


class StoredSession(Statement):
    """The latest record of a session."""

    client_id: str
    mapping: str
    member: int
    slot: int
    pod: str
    present: bool = Field(description="Whether a pod of this name takes part now.")
    term: int
    state: RecordState
    generation: int
    since: datetime


class TopicReport(Statement):
    """What Kafka knows of a bridge."""

    bridge: str
    topic: str
    exists: bool
    pods: list[str] = Field(description="Who takes part now; a killed one for some seconds more.")
    sessions: list[StoredSession]
    unreadable: dict[str, str] = Field(description="Keys of records that can't be read, and why.")


def read(config: BridgeConfig) -> TopicReport:
    """Read the coordination topic of a bridge.

    Raises:
        BridgeError: Kafka did not answer, or forbids it.
    """
    return topic_report(config, asyncio.run(overview(config, _NAME)))


def topic_report(config: BridgeConfig, found: Overview) -> TopicReport:
    """Return what was found, sorted for people."""
    sessions = [
        StoredSession(
            client_id=client_id,
            mapping=entry.record.mapping,
            member=entry.record.member,
            slot=slot_of(entry.record.mapping, entry.record.member, found.slots),
            pod=entry.record.pod,
            present=entry.record.pod in found.pods,
            term=entry.term,
            state=entry.record.state,
            generation=entry.record.generation,
            since=entry.record.at,
        )
        for client_id, entry in found.view.sessions.items()
    ]
    return TopicReport(
        bridge=config.identity,
        topic=config.coordination_topic,
        exists=found.slots > 0,
        pods=found.pods,
        sessions=sorted(sessions, key=lambda it: (it.mapping, it.member, it.client_id)),
        unreadable=found.view.unreadable,
    )
