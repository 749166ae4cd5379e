"""The benchmark of three pods beside one compares like with like, and waits until it can."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bench.__main__ import arguments_of
from bench.pods import Pod, await_shared, idle_percent, table
from bench.processes import BenchError
from bench.results import Results
from bench.systems import SYSTEMS, Setup
from bench.trial import Outcome
from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.contract.reading import read_config
from mqtt_kafka_bridge.coordination.slots import slot_of

SLOTS = 64


def outcome(system: str, cpu_seconds: float, **more: object) -> Outcome:
    """Return a run of 100,000 messages."""
    run = Outcome("saturated", system, 100_000, 1.0, cpu_seconds, 0.05, 60.0, {})
    known = replace(run, extra={"idle_percent": [0.5]})
    return replace(known, **more)  # type: ignore[arg-type]  # the fields come from the tests


def test_pods_are_compared_by_their_medians() -> None:
    """3 us beside 2.5: 1.20 times; one run that failed counts for nothing."""
    runs = [
        *(outcome("1 pod", cpu) for cpu in (0.4, 0.25, 0.2)),
        *(outcome("3 pods", cpu) for cpu in (0.3, 0.9, 0.1)),
        outcome("3 pods", 0.0, messages=0, problem="no held within 90 s"),
    ]
    one, three = table(runs).splitlines()[2:]
    assert one.split()[:7] == ["saturated", "1", "pod", "3", "2.50", "2.00-4.00", "1.00"]
    assert three.split()[:7] == ["saturated", "3", "pods", "3", "3.00", "1.00-9.00", "1.20"]
    assert three.endswith("no held within 90 s")


def test_a_fault_with_pods_fails_the_benchmark() -> None:
    """As any fault of the product does; messages of a key may overtake each other, though."""
    facts = {"machine": {}, "versions": {}, "revision": ""}
    fine = outcome("3 pods", 0.3, extra={"idle_percent": [0.5], "out_of_order": 7})
    assert Results(facts, pods=[fine]).failures == []
    lossy = outcome("3 pods", 0.3, faults={"lost": 1})
    assert Results(facts, pods=[lossy]).failures == ["saturated, 3 pods: {'lost': 1}"]


def test_pods_have_one_file_that_differs_by_their_names(tmp_path: Path) -> None:
    """The sessions are three, in three slots, for otherwise no three pods could share them."""
    setup = Setup("mqtt-to-kafka", 1883, "k:9092", "topic", "bench-1", tmp_path, sessions=3)
    files = [
        Path(SYSTEMS["product"].command(replace(setup, pod=pod))[-1]) for pod in ("0", "1", "2")
    ]
    contents = [json.loads(file.read_text()) for file in files]
    assert [content.pop("pod") for content in contents] == ["0", "1", "2"]
    assert contents[0] == contents[1] == contents[2]
    config = read_config(contents[0])
    assert isinstance(config, BridgeConfig)
    assert config.kafka.coordination.type == "Kafka"
    mapping = config.mqtt_to_kafka[0]
    assert (mapping.ordering, mapping.sessions) == ("None", 3)
    assert len({slot_of(mapping.name, member, SLOTS) for member in range(3)}) == 3


@contextmanager
def pod(folder: Path, states: list[str]) -> Iterator[Pod]:
    """Start a process, and a server that tells of sessions as its bridge would."""

    class Status(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"sessions": [{"state": state} for state in states]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    log = folder / "pod.log"
    with (
        HTTPServer(("127.0.0.1", 0), Status) as server,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process,
    ):
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        log.write_text(f'not JSON\n{{"message":"serving","http.url":"{url}"}}\n')
        try:
            yield Pod(process, log)
        finally:
            server.shutdown()
            process.kill()


def test_a_pod_says_how_many_sessions_it_forwards(tmp_path: Path) -> None:
    """Not those that it only has."""
    with pod(tmp_path, ["Forwarding", "Claiming", "Forwarding"]) as found:
        assert found.forwarding() == 2
    assert found.forwarding() == 0  # it does not serve any more


def test_a_pod_that_does_not_serve_yet_forwards_nothing(tmp_path: Path) -> None:
    """Its log does not name an address."""
    log = tmp_path / "pod.log"
    log.write_text('{"message":"starting"}\n{"message":"serving","http.url":"http://127.')
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        assert Pod(process, log).forwarding() == 0


def test_load_waits_until_the_sessions_are_shared_out(tmp_path: Path) -> None:
    """One pod needs all three; a pod that has ended never gets any."""
    states = ["Forwarding", "Forwarding", "Connecting"]
    with pod(tmp_path, states) as found:
        threading.Timer(0.3, states.__setitem__, (2, "Forwarding")).start()
        start = time.monotonic()
        await_shared([found])
        assert time.monotonic() - start > 0.2
        found.process.kill()
        found.process.wait()
        with pytest.raises(BenchError, match="ended"):
            await_shared([found])


def test_idle_cpu_is_a_share_of_one_core() -> None:
    """A process that spins takes some; one that waits takes next to nothing."""
    busy = [sys.executable, "-c", "while True: pass"]
    idle = [sys.executable, "-c", "print(flush=True); input()"]
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(busy) as spinning,
        subprocess.Popen(idle, stdin=pipe, stdout=pipe) as waiting,
    ):
        try:
            assert waiting.stdout is not None
            waiting.stdout.readline()  # Python's own start is work, too.
            shares = idle_percent([spinning.pid, waiting.pid], 1.0)
        finally:
            spinning.kill()
            waiting.kill()
    assert 0 < shares[0] <= 120
    assert shares[1] < shares[0]
    assert idle_percent([os.getpid()], 0.01)[0] >= 0


def test_pods_need_pubacks() -> None:
    """At QoS 0 nothing says when the last message was stored."""
    with pytest.raises(SystemExit, match="QoS 0"):
        arguments_of(["pods", "--qos", "0"])
    assert arguments_of(["pods"]).messages >= 300_000
