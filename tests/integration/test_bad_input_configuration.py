"""Configurations that can't be used: said at once, with line, path and cure; exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.scenario import Lab

MISTAKES = """\
version: 1
name: Plant
mqtt:
  servers: [tcp://127.0.0.1:1883]
kafka:
  bootstrapServer: ["127.0.0.1:9092"]
mqttToKafka:
- name: telemetry
  from: {filter: "plant/{line}/#/x"}
  to: {topic: plant, key: "{device}"}
http: {host: 127.0.0.1, port: 99999}
"""


def run(command: str, file: Path | str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    arguments = [sys.executable, "-m", "mqtt_kafka_bridge", command, str(file)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("command", ["run", "check"])
def test_all_mistakes_are_said_at_once_each_with_line_path_and_cure(
    tmp_path: Path, command: str
) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text(MISTAKES)
    ended = run(command, file)
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    expected = [
        (2, "name", "lower-case"),
        (4, "mqtt.servers[0]", "mqtt://host:1883"),
        (5, "kafka.bootstrapServers", "add bootstrapServers"),
        (6, "kafka.bootstrapServer", "did you mean bootstrapServers?"),
        (9, "mqttToKafka[0].from.filter", "#"),
        (10, "mqttToKafka[0].to.key", "{device}"),
        (11, "http.port", "65535"),
    ]
    assert len(lines) == len(expected), ended.stderr
    for line, (number, path, cure) in zip(lines, expected, strict=True):
        assert line.startswith(f"{file}:{number}: {path}: "), line
        assert cure in line, line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["no keys", "version: 1"]),
        ("version: 1\n  name: [\n", [":2", "YAML"]),
        ('{"version": 1, "name": "x"}', ["mqtt", "kafka", "missing"]),
    ],
    ids=["empty", "no YAML", "JSON"],
)
def test_a_file_that_is_no_configuration_is_told_from_a_wrong_one(
    tmp_path: Path, content: str, words: list[str]
) -> None:
    file = tmp_path / "bridge.yaml"
    file.write_text(content)
    ended = run("run", file)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert all(word in ended.stderr for word in words), ended.stderr


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for file, words in ((tmp_path / "none.yaml", "No such file"), (tmp_path, "directory")):
        ended = run("run", file)
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"{file}: can't be read")
        assert words in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["fly", "x"]])
def test_wrong_usage_is_told_with_the_right_one(arguments: list[str]) -> None:
    program = [sys.executable, "-m", "mqtt_kafka_bridge", *arguments]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: mqtt-kafka-bridge")


def test_a_port_that_is_in_use_is_told(lab: Lab) -> None:
    first = lab.run()
    second = lab.bridge({"http": {"host": "127.0.0.1", "port": first.port}})
    second.launch()
    assert second.wait(30) == 2
    assert f"127.0.0.1:{first.port}" in second.log
    assert "http.port" in second.log
    assert "Traceback" not in second.log
    assert first.ready


def test_the_example_is_valid_once_its_files_are_there(tmp_path: Path) -> None:
    """And `check` says which files it lacks; `run` waits for them instead."""
    repository = Path(__file__).resolve().parents[2]
    text = (repository / "examples" / "bridge.yaml").read_text()
    file = tmp_path / "bridge.yaml"
    secrets = tmp_path / "secrets"
    file.write_text(text.replace("examples/secrets", str(secrets)))
    lacking = run("check", file)
    assert lacking.returncode == 2
    lines = lacking.stderr.splitlines()
    assert all("can't be read: No such file" in line and str(secrets) in line for line in lines)
    assert {line.split(": ")[1] for line in lines} == {
        "mqtt.authentication.passwordFile",
        "kafka.authentication.passwordFile",
    }
    secrets.mkdir()
    for name in ("mqtt-password", "kafka-password"):
        (secrets / name).write_text("secret\n")
    valid = run("check", file)
    assert valid.returncode == 0, valid.stderr
    assert valid.stdout.startswith(f"{file}: valid: ")


def test_an_address_that_nobody_may_use_is_told(lab: Lab) -> None:
    bridge = lab.bridge({"http": {"host": "192.0.2.1", "port": free_port()}})
    bridge.launch()
    assert bridge.wait(30) == 2
    assert "192.0.2.1" in bridge.log
    assert "Traceback" not in bridge.log
