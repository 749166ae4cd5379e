"""Metrics for Prometheus: read from the board at each scrape; nothing is done per message.

Every metric of the bridge stands in a table here, with what reads it. The reference page is made
from the same tables.
"""

import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import accumulate
from typing import Generic, Literal, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from mqtt_kafka_bridge.contract.status import MappingState
from mqtt_kafka_bridge.observe.board import Board, MappingBoard
from mqtt_kafka_bridge.observe.heartbeat import Heartbeat
from mqtt_kafka_bridge.observe.meter import LATENCY_BOUNDS_SECONDS
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

    def family(self, shared: tuple[str, ...]) -> CounterMetricFamily | GaugeMetricFamily:
        """Return it without samples; `shared` are the labels that its whole table has."""
        kind = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        return kind(self.name, self.text, labels=(*shared, *self.labels))


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
LATENCY_NAME = "mqttkafka_latency_seconds"
LATENCY_TEXT = "From reading a message to knowing that the other side has it."
_BOUNDS = (*map(str, LATENCY_BOUNDS_SECONDS), "+Inf")


class BoardCollector(Collector):
    """Make samples of all that stands on the board."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Read every metric once."""
        board = self._process.board
        bridge = board.config.name
        mappings = [((bridge, m.name, m.direction.value), m) for m in board.mappings.values()]
        for definition in MAPPING_METRICS:
            family = definition.family(MAPPING_LABELS)
            for labels, mapping in mappings:
                for own, value in definition.read(mapping):
                    family.add_metric((*labels, *own), value)
            yield family
        latency = HistogramMetricFamily(LATENCY_NAME, LATENCY_TEXT, labels=MAPPING_LABELS)
        for labels, mapping in mappings:
            counts = mapping.meter.latency.counts
            buckets = list(zip(_BOUNDS, accumulate(counts), strict=True))
            latency.add_metric(labels, buckets, mapping.meter.latency.total_seconds)
        yield latency
        for process_definition in PROCESS_METRICS:
            family = process_definition.family(PROCESS_LABELS)
            for own, value in process_definition.read(self._process):
                family.add_metric((bridge, *own), value)
            yield family


class Metrics:
    """The metrics of one bridge, its process included."""

    def __init__(self, board: Board, heartbeat: Heartbeat) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(BoardCollector(Process(board, heartbeat)))
        ProcessCollector(registry=self._registry)

    def render(self, accept_header: str) -> tuple[str, bytes]:
        """Return the content type and the text, in the format that the scraper asked for."""
        encode, content_type = choose_encoder(accept_header)
        return content_type, encode(self._registry)
