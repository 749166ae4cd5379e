"""Metrics for Prometheus: read from the board at each scrape; nothing is done per message."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_bridge.observe.definitions import (
    MAPPING_LABELS,
    MAPPING_METRICS,
    PROCESS_LABELS,
    PROCESS_METRICS,
    Definition,
    Process,
    Source,
)
from mqtt_kafka_bridge.observe.heartbeat import Heartbeat
from mqtt_kafka_bridge.observe.meter import LATENCY_BOUNDS_SECONDS

LATENCY_NAME = "mqttkafka_latency_seconds"
LATENCY_TEXT = "From reading a message to knowing that the other side has it."
_BOUNDS = (*map(str, LATENCY_BOUNDS_SECONDS), "+Inf")


def _family(
    definition: Definition[Source], shared: tuple[str, ...]
) -> CounterMetricFamily | GaugeMetricFamily:
    """Return a metric without samples; `shared` are the labels that its whole table has."""
    kind = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
    return kind(definition.name, definition.text, labels=(*shared, *definition.labels))


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
            family = _family(definition, MAPPING_LABELS)
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
            family = _family(process_definition, PROCESS_LABELS)
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
