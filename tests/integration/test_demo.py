"""The demo, run as a person runs it: on stand-ins, on real brokers, and where it can't work."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mqtt_kafka_bridge.contract.status import (
    BridgeStatus,
    Counts,
    Direction,
    LinkStatus,
    MappingState,
    MappingStatus,
)
from tests.support.kafka import KafkaCluster
from tests.support.mosquitto import Mosquitto
from tests.support.ports import free_port
from tools.demo.ledger import Ledger
from tools.demo.summary import verdict

_ROOT = Path(__file__).parents[2]
_SECONDS = "8"
_INHERITED = {n: v for n, v in os.environ.items() if n not in ("MQTT_URL", "KAFKA_BOOTSTRAP")}


def _demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "examples.factory.demo", *arguments],
        cwd=_ROOT,
        env={**_INHERITED, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demo_proves_on_stand_ins_that_sent_is_received() -> None:
    demo = _demo("--seconds", _SECONDS)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Sent = received" in demo.stdout
    assert "Dead letters = poison: 2" in demo.stdout
    assert "is to cool down" in demo.stdout
    assert "stand-ins: rumqttd" in demo.stdout
    assert "\x1b" not in demo.stdout
    assert demo.stderr == ""


@contextmanager
def _kept_demo(until: str) -> Iterator[subprocess.Popen[str]]:
    """Run a demo that does not end by itself, up to a line that has this text."""
    command = [sys.executable, "-m", "examples.factory.demo", "--keep"]
    with subprocess.Popen(
        command, cwd=_ROOT, env=_INHERITED, stdout=subprocess.PIPE, text=True
    ) as demo:
        try:
            assert demo.stdout is not None
            assert any(until in line for line in demo.stdout)
            yield demo
        finally:
            demo.terminate()


def _children(demo: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    """Give the processes of a demo by what they are."""
    children = psutil.Process(demo.pid).children(recursive=True)
    return {Path(next(iter(child.cmdline()[1:]), "")).name: child for child in children}


def test_ctrl_c_ends_a_demo_that_is_kept_with_the_proof() -> None:
    with _kept_demo(until="is to cool down") as demo:
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, rest
    assert "Sent = received" in rest


@pytest.mark.parametrize(
    ("until", "ending"),
    [
        ("mqtt-kafka-bridge run", signal.SIGTERM),
        ("telemetry", signal.SIGTERM),
        ("is to cool down", signal.SIGHUP),
    ],
)
def test_a_demo_that_is_ended_takes_its_processes_with_it(
    until: str, ending: signal.Signals
) -> None:
    with _kept_demo(until) as demo:
        children = _children(demo)
        assert "stand_ins.py" in children
        demo.send_signal(ending)
        demo.communicate(timeout=60)
    assert psutil.wait_procs(children.values(), timeout=10)[1] == []


def test_the_demo_says_when_the_bridge_dies_and_ends() -> None:
    with _kept_demo(until="is to cool down") as demo:
        _children(demo)["mqtt-kafka-bridge"].kill()
        rest, _ = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "the bridge is gone" in rest


def test_the_demo_leaves_nothing_on_real_brokers(mosquitto: Mosquitto, kafka: KafkaCluster) -> None:
    before = kafka.admin.topics()
    bootstrap = ",".join(kafka.bootstrap)
    demo = _demo("--seconds", _SECONDS, MQTT_URL=mosquitto.url, KAFKA_BOOTSTRAP=bootstrap)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Sent = received" in demo.stdout
    assert "stand-in" not in demo.stdout
    assert kafka.admin.topics() - before <= {"__consumer_offsets"}


def test_the_demo_says_that_a_real_kafka_can_not_be_reached() -> None:
    demo = _demo(KAFKA_BOOTSTRAP=f"127.0.0.1:{free_port()}")
    assert demo.returncode == 2
    assert "TopicsError: 127.0.0.1:" in demo.stdout
    assert demo.stderr == ""


def test_the_demo_says_what_the_bridge_said_when_that_could_not_start() -> None:
    demo = _demo("--bridge", sys.executable)
    assert demo.returncode == 2
    assert "the bridge ended" in demo.stdout
    assert "can't open file" in demo.stdout


@pytest.mark.parametrize("url", ["http://broker", "mqtts://broker", "mqtt://u:p@broker", "mqtt:"])
def test_the_demo_says_what_is_wrong_with_an_address(url: str) -> None:
    demo = _demo(MQTT_URL=url)
    assert demo.returncode == 2
    assert f"MQTT_URL={url}" in demo.stdout


def _ledger() -> Ledger:
    """Give a ledger of a demo that went well."""
    ledger = Ledger()
    for name, tally in ledger.tallies.items():
        tally.sent = {name: 3}
        for seq in (1, 2, 3):
            tally.arrive(name, seq, "key", "0")
    ledger.poison.sent[b"{"] += 1
    ledger.poison.arrived[b"{"] += 1
    return ledger


def _status(counts: Counts) -> BridgeStatus:
    link = LinkStatus(connected=True)
    mapping = MappingStatus(
        name="telemetry",
        direction=Direction.MQTT_TO_KAFKA,
        state=MappingState.FORWARDING,
        mqtt=link,
        kafka=link,
        counts=counts,
    )
    return BridgeStatus.model_validate(
        {
            "bridge": "plant",
            "namespace": "local",
            "generation": 1,
            "pod": "pod",
            "startedAt": "2026-01-01T00:00:00Z",
            "ready": True,
            "stopping": False,
            "mappings": [mapping],
        }
    )


_GOOD = _status(Counts(received=4, forwarded=3, dead_lettered=1))


def test_the_verdict_is_good_when_all_is_good() -> None:
    assert verdict(_ledger(), _GOOD, 0) == []


def test_the_verdict_finds_a_lost_message() -> None:
    ledger = _ledger()
    ledger.telemetry.sent["telemetry"] = 4
    assert verdict(ledger, _GOOD, 0) == ["telemetry: 1 lost, 0 out of order, 0 misplaced"]


def test_the_verdict_finds_a_message_out_of_order() -> None:
    ledger = _ledger()
    ledger.commands.sent["commands"] = 5
    ledger.commands.arrive("commands", 5, "key", "0")
    ledger.commands.arrive("commands", 4, "key", "0")
    assert verdict(ledger, _GOOD, 0) == ["commands: 0 lost, 1 out of order, 0 misplaced"]


def test_a_repetition_is_counted_and_is_no_disorder() -> None:
    ledger = _ledger()
    ledger.telemetry.arrive("telemetry", 1, "key", "0")
    assert ledger.telemetry.repeated == 1
    assert verdict(ledger, _GOOD, 0) == []


def test_the_verdict_finds_a_key_in_two_partitions() -> None:
    ledger = _ledger()
    ledger.inspections.sent["inspections"] = 4
    ledger.inspections.arrive("inspections", 4, "key", "1")
    assert verdict(ledger, _GOOD, 0) == ["inspections: 0 lost, 0 out of order, 1 misplaced"]


def test_the_verdict_finds_missing_and_strange_dead_letters() -> None:
    ledger = _ledger()
    ledger.poison.sent[b"["] += 1
    ledger.poison.arrived[b"{}"] += 1
    assert verdict(ledger, _GOOD, 0) == ["dead letters: 1 missing, 1 that are no poison"]


def test_the_verdict_finds_a_demo_in_which_nothing_happened() -> None:
    ledger = _ledger()
    ledger.commands.sent.clear()
    assert verdict(ledger, _GOOD, 0) == ["commands: nothing was sent"]


@pytest.mark.parametrize("counts", [Counts(received=4, forwarded=3), Counts(in_flight=1)])
def test_the_verdict_finds_a_bridge_whose_counts_do_not_add_up(counts: Counts) -> None:
    (wrong,) = verdict(_ledger(), _status(counts), 0)
    assert wrong.startswith("telemetry: the bridge's own ledger does not add up")


def test_the_verdict_finds_a_bridge_that_did_not_stop_cleanly() -> None:
    assert verdict(_ledger(), _GOOD, 3) == ["the bridge ended with exit code 3"]
