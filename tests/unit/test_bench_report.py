"""A benchmark's report says what was measured, and what was wrong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import arguments_of
from bench.memory import Memory
from bench.messages import Load
from bench.profile import shares, text
from bench.report import memory_table, summarise, table
from bench.results import Results
from bench.suite import further_cases, latency_cases
from bench.systems import SYSTEMS, Direction, Setup
from bench.trial import Case, Outcome
from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.reading import read_config

FACTS = {
    "revision": "abc",
    "machine": {"cores": 2, "cpu": "a CPU"},
    "versions": {"kafka": "4.3.1"},
}


def outcome(system: str, cpu_seconds: float, **more: object) -> Outcome:
    """Return a run of 100,000 messages."""
    run = Outcome("MQTT to Kafka", system, 100_000, 1.0, cpu_seconds, 0.05, 60.0, {})
    return replace(run, **more)  # type: ignore[arg-type]  # the fields come from the tests


RUNS = [
    *(outcome("product", cpu) for cpu in (0.5, 0.4, 0.8)),
    *(outcome("baseline", cpu) for cpu in (0.25, 0.25, 0.2)),
    outcome("mq-bridge", 1.0, faults={"scattered_keys": 1000}),
]


def test_a_summary_is_the_median_and_the_spread() -> None:
    """Three runs of 200, 250 and 125 thousand."""
    product = summarise(RUNS)[0]
    assert product.runs == 3
    assert product.per_cpu_second == pytest.approx(200_000)
    assert (product.slowest, product.fastest) == pytest.approx((125_000, 250_000))
    assert product.source_microseconds == pytest.approx(0.5)


def test_the_table_compares_with_both_yardsticks() -> None:
    """The two ratios, then our own cost, then the faults."""
    product = table(summarise(RUNS)).splitlines()[2].split()
    assert product[-4:] == ["0.50", "2.00", "0.50", "none"]


def test_a_run_that_failed_counts_for_nothing_but_is_shown() -> None:
    """A median over the others, and the reason beside it."""
    broken = outcome("product", 0.0, messages=0, problem="the bridge ended with exit code 1")
    summary = summarise([*RUNS[:3], broken])[0]
    assert summary.runs == 3
    assert "exit code 1" in table([summary])


def test_latencies_stand_in_a_table_of_their_own() -> None:
    """At a set rate, messages a CPU-second say nothing."""
    marks = {"p50": 1.0, "p99": 2.25, "p99.9": 3.0, "max": 4.0}
    shown = table(summarise([outcome("product", 1.0, extra={"latency_ms": marks})]))
    assert "p99.9 ms" in shown
    assert "2.2" in shown
    assert "msg/CPU-s" not in shown


def test_the_product_fails_a_benchmark_by_any_fault_and_a_peer_does_not() -> None:
    """That mq-bridge scatters keys is a finding."""
    results = Results(FACTS, list(RUNS))
    assert results.failures == []
    results.outcomes.append(outcome("product", 1.0, faults={"lost": 1}))
    results.memory.append(Memory("frozen", "product", acknowledged_while_frozen=3))
    assert results.failures == [
        "MQTT to Kafka, product: {'lost': 1}",
        "frozen, product: {'acknowledged_while_frozen': 3}",
    ]


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The tables and plots can be made again from the file."""
    results = Results(FACTS, list(RUNS), [Memory("frozen", "product", 40.0, 60.0, 61.0)])
    results.pods.append(outcome("3 pods", 0.5, extra={"idle_percent": [0.5, 0.5, 0.75]}))
    files = results.write(tmp_path / "new" / "latest.json")
    assert [file.suffix for file in files] == [".json", ".svg", ".png"]
    assert Results.read(files[0]) == results
    assert json.loads(files[0].read_text())["summary"][0]["per_cpu_second"] == 200_000


def test_memory_is_shown_with_what_left_while_kafka_was_frozen() -> None:
    """Three sizes, then the PUBACKs that left, and those owed."""
    row = Memory("QoS 1", "product", 40.0, 60.0, 61.0, 0, 8192, 8192, {"lost": 2})
    assert memory_table([row]).splitlines()[2].split()[-7:] == [
        *("60", "61", "0", "8192", "8192", "2", "lost")
    ]


def test_a_profile_names_the_line_and_sums_up_functions(tmp_path: Path) -> None:
    """By line itself, by function with what it calls, a recursion once."""
    stacks = [
        "main (bridge/app.py:3);feed (bridge/mqtt/link.py:10);read (bridge/mqtt/reader.py:7) 6",
        "main (bridge/app.py:3);feed (bridge/mqtt/link.py:12) 3",
        "main (bridge/app.py:3);recursive (a/b.py:1);recursive (a/b.py:2) 1",
    ]
    lines, functions = shares(stacks)
    assert lines == {
        "read (mqtt/reader.py):7": 6,
        "feed (mqtt/link.py):12": 3,
        "recursive (a/b.py):2": 1,
    }
    assert functions["feed (mqtt/link.py)"] == 9
    assert functions["recursive (a/b.py)"] == 1
    file = tmp_path / "x.stacks"
    file.write_text("\n".join(stacks))
    shown = text(file)
    assert "60.0%  6        read (mqtt/reader.py):7" in shown
    assert "main (bridge/app.py)" not in shown  # it is in every stack


@pytest.mark.parametrize("direction", ["mqtt-to-kafka", "kafka-to-mqtt"])
def test_the_products_file_is_valid_and_leaves_defaults_alone(
    direction: Direction, tmp_path: Path
) -> None:
    """It is measured with what a user gets who sets nothing."""
    setup = Setup(direction, 1883, "127.0.0.1:9092", "bench-1", "bench-1-product", tmp_path)
    command = SYSTEMS["product"].command(setup)
    config = read_config(json.loads(Path(command[-1]).read_text()))
    assert isinstance(config, BridgeConfig)
    assert config.kafka.producer.compression == "zstd"
    assert config.loop_guard
    assert config.mqtt.receive_maximum == 8192


def test_other_systems_are_told_the_same() -> None:
    """Both take the same words."""
    setup = Setup("mqtt-to-kafka", 1, "k:9", "t", "n", Path(), qos=0, window=10)
    for name in ("baseline", "mq-bridge"):
        command = SYSTEMS[name].command(setup)
        assert command[3:] == [
            *("mqtt-to-kafka", "--mqtt-port", "1", "--kafka", "k:9", "--topic", "t"),
            *("--client-id", "n", "--qos", "0", "--window", "10"),
        ]


def test_quick_is_one_short_run() -> None:
    """And without it the protocol holds."""
    wanted = arguments_of(["run", "--quick"])
    assert (wanted.messages, wanted.runs) == (50_000, 1)
    assert arguments_of(["all"]).messages >= 500_000


def test_an_unknown_system_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(SystemExit, match="no such system: kafka-connect"):
        arguments_of(["run", "--systems", "product,kafka-connect"])


def test_the_documented_set_has_the_protocols_loads() -> None:
    """Payload sizes, QoS 0, Mosquitto; latency at two rates."""
    template = Case("", load=Load())
    loads = [(case.load.payload_bytes, case.load.qos) for case in further_cases(template)]
    assert loads == [(20, 1), (2048, 1), (200, 0), (200, 1)]
    slow = latency_cases(template, [1000, 10_000], 10)
    assert [(case.rate, case.messages) for case in slow] == [(1000, 10_000), (10_000, 100_000)]
