"""What one flow says of itself: its state, its links, its session. It writes; others read."""

from dataclasses import dataclass, field
from datetime import datetime

from mqtt_kafka_bridge.contract.status import (
    LinkStatus,
    MappingState,
    Reason,
    SessionState,
    SessionStatus,
    Trouble,
)
from mqtt_kafka_bridge.observe.meter import Meter

_OF_THE_MAPPING = (Reason.TOPIC_MISSING, Reason.TOPIC_FORBIDDEN, Reason.GROUP_FORBIDDEN)
STARTING = Trouble(reason=Reason.STARTING, message="not connected yet")


@dataclass(slots=True)
class LinkBoard:
    """One connection: up, or down with a reason."""

    connected: bool = False
    trouble: Trouble | None = STARTING

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
    """One MQTT session of a mapping, on this pod."""

    client_id: str
    since: datetime
    member: int = 0
    slot: int | None = None
    """Where in the coordination topic it is; None if this process is alone."""
    term: int | None = None
    """The offset of the record by which this pod claimed it."""
    state: SessionState = SessionState.WAITING
    server: str | None = None
    session_present: bool | None = None

    def be(self, state: SessionState, now: datetime) -> None:
        """Set the state; `since` tells when it began."""
        if self.state is not state:
            self.state, self.since = state, now

    def status(self, mapping: str) -> SessionStatus:
        """Return the same, as `/status` shows it."""
        return SessionStatus(
            client_id=self.client_id,
            mapping=mapping,
            member=self.member,
            slot=self.slot,
            term=self.term,
            state=self.state,
            since=self.since,
            server=self.server,
            session_present=self.session_present,
        )


@dataclass(slots=True)
class FlowBoard:
    """One flow of a mapping: from Kafka there is one; from MQTT there is one a session."""

    name: str
    """The mapping's."""
    meter: Meter = field(default_factory=Meter)
    state: MappingState = MappingState.WAITING
    trouble: Trouble | None = STARTING
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

        A flow that drains or has stopped stays so.
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
