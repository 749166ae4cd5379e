"""Every metric of the bridge but the histogram: its name, its meaning, and what reads it.

The reference page is made from these tables.
"""

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Generic, Literal, NamedTuple, TypeVar

from mqtt_kafka_bridge.contract.status import MappingState, SessionState
from mqtt_kafka_bridge.observe.board import Board, MappingBoard
from mqtt_kafka_bridge.observe.flow_board import SessionBoard
from mqtt_kafka_bridge.observe.heartbeat import Heartbeat
from mqtt_kafka_bridge.observe.troubles import concerns


class Process(NamedTuple):
    """What the metrics of the whole process are read from."""

    board: Board
    heartbeat: Heartbeat


Source = TypeVar("Source")
Samples = Iterable[tuple[tuple[str, ...], float]]
"""Values of a metric's own labels, and the number."""


@dataclass(frozen=True, slots=True)
class Definition(Generic[Source]):
    """One metric: its name, its meaning, and what reads it."""

    name: str
    kind: Literal["counter", "gauge"]
    text: str
    labels: tuple[str, ...]
    read: Callable[[Source], Samples]


def _outcomes(mapping: MappingBoard) -> Samples:
    meter = mapping.meter
    yield ("received",), meter.received
    yield ("forwarded",), meter.forwarded
    yield ("filtered",), meter.filtered
    yield ("expired",), meter.expired
    yield ("dead_lettered",), meter.dead_lettered
    yield ("dropped",), meter.dropped.total()
    yield ("returned",), meter.returned


def _troubles(mapping: MappingBoard) -> Samples:
    return {((c.about, c.trouble.reason.value), 1.0) for c in concerns(mapping)}


def _sessions(mapping: MappingBoard) -> list[SessionBoard]:
    return [flow.session for flow in mapping.flows.values() if flow.session is not None]


def _slot(session: SessionBoard) -> str:
    return "" if session.slot is None else str(session.slot)


MAPPING_LABELS = ("bridge", "mapping", "direction")
MAPPING_METRICS: tuple[Definition[MappingBoard], ...] = (
    Definition(
        "mqttkafka_messages_total",
        "counter",
        "Messages by what became of them. received = forwarded + filtered + expired + "
        "dead_lettered + dropped + returned + in flight. Returned ones come again (a lost link).",
        ("outcome",),
        _outcomes,
    ),
    Definition(
        "mqttkafka_in_flight",
        "gauge",
        "Messages received of which nothing has become yet.",
        (),
        lambda mapping: [((), mapping.meter.in_flight)],
    ),
    Definition(
        "mqttkafka_redelivered_total",
        "counter",
        "Messages, among the received, that the broker marked as sent before (DUP).",
        (),
        lambda mapping: [((), mapping.meter.redelivered)],
    ),
    Definition(
        "mqttkafka_dropped_total",
        "counter",
        "Messages dropped, by reason.",
        ("reason",),
        lambda mapping: [((reason,), n) for reason, n in sorted(mapping.meter.dropped.items())],
    ),
    Definition(
        "mqttkafka_sessions_lost_total",
        "counter",
        "Times that the MQTT broker had forgotten the session and what it had queued for it.",
        (),
        lambda mapping: [((), mapping.meter.sessions_lost)],
    ),
    Definition(
        "mqttkafka_headers_left_out_total",
        "counter",
        "Kafka headers that MQTT can't carry (not UTF-8, say); their messages went without them.",
        (),
        lambda mapping: [((), mapping.meter.headers_left_out)],
    ),
    Definition(
        "mqttkafka_link_up",
        "gauge",
        "1 while the mapping's connection to mqtt or kafka is usable, else 0.",
        ("link",),
        lambda mapping: [
            (("mqtt",), mapping.mqtt.connected),
            (("kafka",), mapping.kafka.connected),
        ],
    ),
    Definition(
        "mqttkafka_mapping_state",
        "gauge",
        "1 for the state that the mapping is in, 0 for the others.",
        ("state",),
        lambda mapping: [((state.value,), mapping.state is state) for state in MappingState],
    ),
    Definition(
        "mqttkafka_session_state",
        "gauge",
        "1 for the state that an MQTT session of the mapping is in on this pod, 0 for the others.",
        ("client_id", "slot", "state"),
        lambda mapping: [
            ((s.client_id, _slot(s), state.value), s.state is state)
            for s in _sessions(mapping)
            for state in SessionState
        ],
    ),
    Definition(
        "mqttkafka_session_since_seconds",
        "gauge",
        "Since when the session has been in its state, in seconds since 1970.",
        ("client_id", "slot"),
        lambda mapping: [
            ((s.client_id, _slot(s)), s.since.timestamp()) for s in _sessions(mapping)
        ],
    ),
    Definition(
        "mqttkafka_session_term",
        "gauge",
        "Offset of the record by which this pod claimed the session.",
        ("client_id", "slot"),
        lambda mapping: [
            ((s.client_id, _slot(s)), s.term) for s in _sessions(mapping) if s.term is not None
        ],
    ),
    Definition(
        "mqttkafka_trouble",
        "gauge",
        "1 for each trouble (about: mapping, mqtt, kafka or risk); absent once it has passed.",
        ("about", "reason"),
        _troubles,
    ),
)
PROCESS_LABELS = ("bridge",)
PROCESS_METRICS: tuple[Definition[Process], ...] = (
    Definition(
        "mqttkafka_ready",
        "gauge",
        "1 while /readyz answers 200, else 0.",
        (),
        lambda process: [((), process.board.ready)],
    ),
    Definition(
        "mqttkafka_config_generation",
        "gauge",
        "Generation of the configuration that runs.",
        (),
        lambda process: [((), process.board.config.generation)],
    ),
    Definition(
        "mqttkafka_event_loop_lag_seconds",
        "gauge",
        "Longest delay of the event loop in the last 30 to 60 seconds.",
        (),
        lambda process: [((), process.heartbeat.worst_seconds)],
    ),
    Definition(
        "mqttkafka_build_info",
        "gauge",
        "Always 1; the labels say what runs.",
        ("version", "python"),
        lambda _: [((version("mqtt-kafka-operator"), platform.python_version()), 1)],
    ),
)
