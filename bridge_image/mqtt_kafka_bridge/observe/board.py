"""The board: what is known at this moment. Flows write on it; probes, status and metrics read it.

A word on readiness: a bridge is ready when the links of every mapping are up. A mapping whose own
topic is missing or whose message stopped it does not make the pod unready, or one bad mapping would
take the others down with it (G6); it shows as its state and trouble.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import (
    BridgeStatus,
    Direction,
    LinkStatus,
    MappingState,
    MappingStatus,
    Reason,
    SessionState,
    SessionStatus,
    Trouble,
)
from mqtt_kafka_bridge.observe.meter import Meter

_OF_THE_MAPPING = (Reason.TOPIC_MISSING, Reason.TOPIC_FORBIDDEN, Reason.GROUP_FORBIDDEN)
_STARTING = Trouble(reason=Reason.STARTING, message="not connected yet")


@dataclass(slots=True)
class LinkBoard:
    """One connection: up, or down with a reason."""

    connected: bool = False
    trouble: Trouble | None = _STARTING

    def up(self) -> None:
        """Say that the link is usable."""
        self.connected, self.trouble = True, None

    def down(self, trouble: Trouble) -> None:
        """Say that the link is not usable, and why."""
        self.connected, self.trouble = False, trouble

    def failed(self, trouble: Trouble) -> None:
        """Say what went wrong; trouble with a mapping's own topic or group leaves the link up."""
        if trouble.reason in _OF_THE_MAPPING:
            self.up()
        else:
            self.down(trouble)

    @property
    def status(self) -> LinkStatus:
        """The same, as `/status` shows it."""
        return LinkStatus(connected=self.connected, trouble=self.trouble)


@dataclass(slots=True)
class SessionBoard:
    """One MQTT session of a mapping."""

    client_id: str
    since: datetime
    state: SessionState = SessionState.WAITING
    server: str | None = None
    session_present: bool | None = None


@dataclass(slots=True)
class MappingBoard:
    """One mapping: its state, its links, its counts."""

    name: str
    direction: Direction
    meter: Meter = field(default_factory=Meter)
    state: MappingState = MappingState.WAITING
    trouble: Trouble | None = _STARTING
    mqtt: LinkBoard = field(default_factory=LinkBoard)
    kafka: LinkBoard = field(default_factory=LinkBoard)
    risks: dict[Reason, Trouble] = field(default_factory=dict)
    session: SessionBoard | None = None
    hindrances: dict[str, tuple[MappingState, Trouble]] = field(default_factory=dict)
    """What keeps it from forwarding though its links may be up, by where it comes from."""

    def be(self, state: MappingState, trouble: Trouble | None = None) -> bool:
        """Set the state; return whether anything changed (worth a log line)."""
        changed = (self.state, self.trouble) != (state, trouble)
        self.state, self.trouble = state, trouble
        return changed

    def judge(self) -> bool:
        """Set the state to what links and hindrances make of it; return whether it changed.

        A mapping that drains or has stopped stays so.
        """
        if self.state in (MappingState.DRAINING, MappingState.STOPPED):
            return False
        for state, trouble in self.hindrances.values():
            return self.be(state, trouble)
        for link in (self.mqtt, self.kafka):
            if not link.connected:
                return self.be(MappingState.WAITING, link.trouble)
        return self.be(MappingState.FORWARDING)

    @property
    def linked(self) -> bool:
        """Whether both links are up, or the mapping is stopped by a person's choice."""
        return self.state is MappingState.STOPPED or (self.mqtt.connected and self.kafka.connected)

    @property
    def status(self) -> MappingStatus:
        """The same, as `/status` shows it."""
        return MappingStatus(
            name=self.name,
            direction=self.direction,
            state=self.state,
            trouble=self.trouble,
            mqtt=self.mqtt.status,
            kafka=self.kafka.status,
            risks=list(self.risks.values()),
            counts=self.meter.counts,
        )


class Board:
    """What is known of the whole process."""

    def __init__(self, config: BridgeConfig, pod: str, now: Callable[[], datetime]) -> None:
        self.config = config
        self.pod = pod
        self.now = now
        self.started_at = now()
        self.stopping = False
        self.mappings = {
            **{m.name: MappingBoard(m.name, Direction.MQTT_TO_KAFKA) for m in config.mqtt_to_kafka},
            **{m.name: MappingBoard(m.name, Direction.KAFKA_TO_MQTT) for m in config.kafka_to_mqtt},
        }

    @property
    def ready(self) -> bool:
        """Whether the links of every mapping are up and nobody asked to stop."""
        return not self.stopping and all(m.linked for m in self.mappings.values())

    @property
    def status(self) -> BridgeStatus:
        """Everything, as `/status` shows it."""
        sessions = [(m.name, m.session) for m in self.mappings.values() if m.session]
        return BridgeStatus(
            bridge=self.config.name,
            namespace=self.config.namespace,
            generation=self.config.generation,
            pod=self.pod,
            started_at=self.started_at,
            ready=self.ready,
            stopping=self.stopping,
            mappings=[m.status for m in self.mappings.values()],
            sessions=[
                SessionStatus(
                    client_id=s.client_id,
                    mapping=name,
                    state=s.state,
                    since=s.since,
                    server=s.server,
                    session_present=s.session_present,
                )
                for name, s in sessions
            ],
        )
