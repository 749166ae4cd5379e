"""What Prometheus is told."""

from datetime import UTC, datetime

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.status import MappingState, Reason, SessionState, Trouble
from mqtt_kafka_bridge.observe.board import Board
from mqtt_kafka_bridge.observe.flow_board import SessionBoard
from mqtt_kafka_bridge.observe.heartbeat import Heartbeat
from mqtt_kafka_bridge.observe.metrics import Metrics

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TELEMETRY = {"bridge": "plant", "mapping": "telemetry", "direction": "MqttToKafka"}


@pytest.fixture
def board() -> Board:
    """Return the board of a bridge with one mapping each way."""
    config = BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "generation": 7,
            "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
            "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
            "mqttToKafka": [
                {"name": "telemetry", "from": {"filter": "a/{x}"}, "to": {"topic": "a"}}
            ],
            "kafkaToMqtt": [{"name": "commands", "from": {"topics": ["c"]}, "to": {"topic": "c"}}],
        }
    )
    return Board(config, "pod-1", lambda: datetime.now(UTC))


async def scrape(board: Board) -> dict[str, Metric]:
    """Scrape in the classic text format; families by name."""
    _, text = Metrics(board, Heartbeat()).render("")
    return {family.name: family for family in parse(text.decode())}


async def value(board: Board, name: str, **labels: str) -> float | None:
    """Return a sample of the telemetry mapping; None when there is none."""
    wanted = TELEMETRY | labels
    found = [
        sample.value
        for family in (await scrape(board)).values()
        for sample in family.samples
        if sample.name == name and sample.labels == wanted
    ]
    assert len(found) <= 1
    return found[0] if found else None


async def test_the_ledger_is_a_sum_over_outcomes(board: Board) -> None:
    """Received is what became of it, plus what is in flight (G5)."""
    meter = board.mappings["telemetry"].meter
    meter.received, meter.forwarded, meter.filtered, meter.expired = 102, 80, 5, 4
    meter.dead_lettered, meter.in_flight, meter.returned = 3, 1, 2
    meter.dropped.update(loop=5, Oversize=2)

    outcomes = {
        outcome: await value(board, "mqttkafka_messages_total", outcome=outcome) or 0.0
        for outcome in (
            *("received", "forwarded", "filtered", "expired"),
            *("dead_lettered", "dropped", "returned"),
        )
    }

    received = outcomes.pop("received")
    assert received == 102
    assert received == sum(outcomes.values()) + (await value(board, "mqttkafka_in_flight") or 0)
    assert await value(board, "mqttkafka_dropped_total", reason="loop") == 5
    assert await value(board, "mqttkafka_dropped_total", reason="Oversize") == 2


async def test_redeliveries_and_lost_sessions_are_counted_apart(board: Board) -> None:
    """They are no outcomes."""
    meter = board.mappings["telemetry"].meter
    meter.redelivered, meter.sessions_lost = 12, 2

    assert await value(board, "mqttkafka_redelivered_total") == 12
    assert await value(board, "mqttkafka_sessions_lost_total") == 2
    assert await value(board, "mqttkafka_messages_total", outcome="received") == 0


async def test_latency_buckets_are_cumulative_and_exact(board: Board) -> None:
    """A value on a bound belongs to it; the last bucket is the count."""
    latency = board.mappings["telemetry"].meter.latency
    latency.observe(0.001, 10)
    latency.observe(0.0011, 5)
    latency.observe(700.0, 1)

    assert await value(board, "mqttkafka_latency_seconds_bucket", le="0.001") == 10
    assert await value(board, "mqttkafka_latency_seconds_bucket", le="0.002") == 15
    assert await value(board, "mqttkafka_latency_seconds_bucket", le="60.0") == 15
    assert await value(board, "mqttkafka_latency_seconds_bucket", le="+Inf") == 16
    assert await value(board, "mqttkafka_latency_seconds_count") == 16
    assert await value(board, "mqttkafka_latency_seconds_sum") == pytest.approx(700.0155)


async def test_links_states_and_troubles_show(board: Board) -> None:
    """What is wrong is a series of its own, which goes when it is cured."""
    mapping = board.mappings["telemetry"].open("its session")
    mapping.mqtt.up()
    mapping.kafka.down(Trouble(reason=Reason.KAFKA_UNREACHABLE, message="no answer"))
    mapping.be(MappingState.STALLED, Trouble(reason=Reason.QUOTA_EXCEEDED, message="0x97"))
    mapping.risks[Reason.QOS_ZERO] = Trouble(reason=Reason.QOS_ZERO, message="QoS 0")

    assert await value(board, "mqttkafka_link_up", link="mqtt") == 1
    assert await value(board, "mqttkafka_link_up", link="kafka") == 0
    assert await value(board, "mqttkafka_mapping_state", state="Stalled") == 1
    assert await value(board, "mqttkafka_mapping_state", state="Forwarding") == 0
    trouble = "mqttkafka_trouble"
    assert await value(board, trouble, about="kafka", reason="KafkaUnreachable") == 1
    assert await value(board, trouble, about="mapping", reason="QuotaExceeded") == 1
    assert await value(board, trouble, about="risk", reason="QosZero") == 1
    mapping.kafka.up()
    assert await value(board, trouble, about="kafka", reason="KafkaUnreachable") is None


async def test_the_process_is_measured(board: Board) -> None:
    """Readiness, generation, build, loop lag, and the process itself."""
    families = await scrape(board)

    def sample(name: str) -> float:
        return families[name].samples[0].value

    assert sample("mqttkafka_ready") == 0
    assert sample("mqttkafka_config_generation") == 7
    assert families["mqttkafka_build_info"].samples[0].labels["version"]
    assert sample("mqttkafka_event_loop_lag_seconds") >= 0
    assert sample("process_resident_memory_bytes") > 1_000_000
    assert "process_cpu_seconds" in families


async def test_a_scraper_gets_the_format_that_it_asks_for(board: Board) -> None:
    """OpenMetrics for those who accept it, the classic text for the others."""
    metrics = Metrics(board, Heartbeat())

    content_type, text = metrics.render(OPENMETRICS)

    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")
    names = {family.name for family in parse_openmetrics(text.decode())}  # type: ignore[no-untyped-call]
    assert "mqttkafka_in_flight" in names
    content_type, text = metrics.render("text/plain;version=0.0.4")
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b"# EOF" not in text


async def test_no_created_series_are_exported(board: Board) -> None:
    """They double the series and say nothing that process_start_time_seconds does not."""
    metrics = Metrics(board, Heartbeat())

    assert b"_created" not in metrics.render("")[1]
    assert b"_created" not in metrics.render(OPENMETRICS)[1]


async def test_each_session_shows_its_slot_its_term_and_since_when(board: Board) -> None:
    """And what it is doing, as one of all states."""
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    flow = board.mappings["telemetry"].open("its session")
    flow.session = SessionBoard("local.plant.telemetry.0a", since, slot=7, term=42)
    flow.session.be(SessionState.FORWARDING, since)
    labels = {"client_id": "local.plant.telemetry.0a", "slot": "7"}

    assert await value(board, "mqttkafka_session_state", **labels, state="Forwarding") == 1
    assert await value(board, "mqttkafka_session_state", **labels, state="Claiming") == 0
    assert await value(board, "mqttkafka_session_term", **labels) == 42
    assert await value(board, "mqttkafka_session_since_seconds", **labels) == since.timestamp()


async def test_the_sessions_of_one_mapping_are_counted_together(board: Board) -> None:
    """They share a meter; the state shown is that of the one that is worst off."""
    mapping = board.mappings["telemetry"]
    for key in ("first", "second"):
        flow = mapping.open(key)
        flow.meter.in_flight += 3
        flow.mqtt.up()
        flow.kafka.up()
        flow.be(MappingState.FORWARDING)
    flow.be(MappingState.STALLED)

    assert await value(board, "mqttkafka_in_flight") == 6
    assert await value(board, "mqttkafka_mapping_state", state="Stalled") == 1
    mapping.close("second")
    assert await value(board, "mqttkafka_mapping_state", state="Forwarding") == 1
