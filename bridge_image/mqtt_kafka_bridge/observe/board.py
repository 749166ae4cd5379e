"""The board: what is known at this moment. Flows write on it; probes, status and metrics read it.

A word on readiness: a bridge is ready when the links of all that runs here are up. A mapping whose
own topic is missing or whose message stopped it does not make the pod unready, or one bad mapping
would take the others down with it (G6); it shows as its state and trouble. A pod that has no
session at this moment is ready, too: others have them, and roll-outs would hang.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import (
    BridgeStatus,
    Direction,
    MappingState,
    MappingStatus,
    Reason,
    Trouble,
)
from mqtt_kafka_bridge.observe.flow_board import STARTING, FlowBoard, LinkBoard
from mqtt_kafka_bridge.observe.meter import Meter

_WORST_FIRST = (
    MappingState.STOPPED,
    MappingState.STALLED,
    MappingState.WAITING,
    MappingState.DRAINING,
    MappingState.FORWARDING,
)


@dataclass(slots=True)
class MappingBoard:
    """One mapping: its counts, and what its flows in this process say."""

    name: str
    direction: Direction
    meter: Meter = field(default_factory=Meter)
    flows: dict[str, FlowBoard] = field(default_factory=dict)
    """By a key of the flow's own: a session's client id."""
    waiting_for: Trouble | None = STARTING
    """Why nothing of it runs here; None: others have it."""
    overruled: Trouble | None = None
    """Why it runs nowhere."""

    def open(self, key: str) -> FlowBoard:
        """Return the board of a flow that begins."""
        flow = self.flows[key] = FlowBoard(self.name, self.meter)
        return flow

    def close(self, key: str) -> None:
        """Take down the board of a flow that is over."""
        self.flows.pop(key, None)

    @property
    def _absence(self) -> Trouble | None:
        return self.overruled or self.waiting_for

    def _worst(self) -> FlowBoard | None:
        return min(self.flows.values(), key=lambda f: _WORST_FIRST.index(f.state), default=None)

    @property
    def state(self) -> MappingState:
        """The state of the flow that is worst off; Waiting if there is none here."""
        worst = self._worst()
        return MappingState.WAITING if worst is None else worst.state

    @property
    def trouble(self) -> Trouble | None:
        """The trouble of the flow that is worst off."""
        worst = self._worst()
        return self._absence if worst is None else worst.trouble

    @property
    def mqtt(self) -> LinkBoard:
        """The link to the MQTT broker that is worst off."""
        return self._link([flow.mqtt for flow in self.flows.values()])

    @property
    def kafka(self) -> LinkBoard:
        """The link to Kafka that is worst off."""
        return self._link([flow.kafka for flow in self.flows.values()])

    def _link(self, links: list[LinkBoard]) -> LinkBoard:
        idle = LinkBoard(self._absence is None, self._absence)
        return min(links, key=lambda link: link.connected, default=idle)

    @property
    def risks(self) -> dict[Reason, Trouble]:
        """What endangers its messages."""
        return {reason: risk for f in self.flows.values() for reason, risk in f.risks.items()}

    @property
    def linked(self) -> bool:
        """Whether the links of all that runs here are up."""
        if not self.flows:
            return self._absence is None
        return all(flow.linked for flow in self.flows.values())

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

    def mapping(self, name: str) -> MappingBoard:
        """Return a mapping's board; a session of one that was removed is shown, too."""
        known = self.mappings.get(name)
        if known is None:
            known = self.mappings[name] = MappingBoard(name, Direction.MQTT_TO_KAFKA)
            known.waiting_for = None
        return known

    def wait(self, trouble: Trouble | None) -> None:
        """Show why nothing runs here yet; None: because others have the sessions."""
        for mapping in self.mappings.values():
            mapping.waiting_for = trouble
            if trouble is not None and mapping.direction is Direction.KAFKA_TO_MQTT:
                for flow in mapping.flows.values():
                    flow.kafka.down(trouble)
                    flow.judge()

    def overrule(self, generation: int, served: AbstractSet[str]) -> None:
        """Show that a later configuration is recorded, and what therefore has to wait."""
        trouble = Trouble(
            reason=Reason.GENERATION_OVERRULED,
            message=f"a configuration of generation {generation} is recorded, and this one is of"
            f" {self.config.generation}: it serves what is recorded, and begins nothing",
            cure="start with the later configuration, or raise `generation` above it; if that"
            " bridge is gone for good, `retire` it",
        )
        for mapping in self.mappings.values():
            if mapping.direction is Direction.MQTT_TO_KAFKA and mapping.name not in served:
                mapping.overruled = trouble

    @property
    def ready(self) -> bool:
        """Whether the links of all that runs here are up, and nobody asked to stop."""
        return not self.stopping and all(m.linked for m in self.mappings.values())

    @property
    def status(self) -> BridgeStatus:
        """Everything, as `/status` shows it."""
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
                flow.session.status(mapping.name)
                for mapping in self.mappings.values()
                for flow in mapping.flows.values()
                if flow.session is not None
            ],
        )
