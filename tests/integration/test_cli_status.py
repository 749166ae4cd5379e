"""`mqtt-kafka status` about real bridges: by their pods, and by the coordination topic."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from mqtt_kafka_bridge.contract.status import Reason
from tests.support.bridge import Bridge
from tests.support.ports import free_port
from tests.support.scenario import Lab
from tests.support.scenario_checks import await_counts, await_link_trouble
from tests.support.scenario_config import inbound, outbound, split
from tests.support.waiting import eventually

SHARED: dict[str, Any] = {"coordination": {"type": "Kafka"}}
SECONDS = 40


def status(*arguments: str) -> tuple[int, list[str]]:
    """Return how `mqtt-kafka status` ends, and its lines."""
    command = [sys.executable, "-m", "mqtt_kafka_cli", "status", *arguments]
    end = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert "Traceback" not in end.stderr, end.stderr
    return end.returncode, [*end.stdout.splitlines(), *end.stderr.splitlines()]


def cells(lines: Sequence[str], first: str) -> list[list[str]]:
    """Return the rows below the line that begins with a word, up to an empty line."""
    start = next(at for at, line in enumerate(lines) if line.startswith(first))
    below = [*lines[start + 1 :], ""]
    return [line.split() for line in below[: below.index("")]]


def url(bridge: Bridge) -> str:
    """Return where a bridge serves."""
    return f"http://127.0.0.1:{bridge.port}"


def pods(lab: Lab, *mappings: dict[str, Any]) -> list[Bridge]:
    """Run two pods that share the sessions; each has at least one."""
    config = {"kafka": SHARED, **split(*mappings)}
    bridges = [lab.bridge({"pod": name, **config}) for name in ("plant-0", "plant-1")]
    for bridge in bridges:
        bridge.up()
    sessions = len(mappings)

    def spread() -> bool:
        found = [bridge.status().sessions for bridge in bridges]
        return all(found) and sum(map(len, found)) == sessions

    eventually(spread, SECONDS, what=lambda: f"{[b.status().sessions for b in bridges]}")
    for bridge in bridges:
        bridge.await_ready()
    return bridges


def test_one_pod_shows_both_directions_and_its_session(lab: Lab) -> None:
    up, down = lab.topic("up"), lab.topic("down")
    bridge = lab.run(inbound("up", "up/#", up), outbound("down", down, "down/{key}"))
    lab.publish("up/1")
    await_counts(bridge, "up", forwarded=1)

    code, lines = status(url(bridge))

    assert code == 0, lines
    assert cells(lines, "POD")[0][1:4] == [f"local/{lab.name}", "yes", "1"]
    assert cells(lines, "MAPPING") == [
        ["down", "Kafka", "to", "MQTT", "Forwarding", "0", "0", "0"],
        ["up", "MQTT", "to", "Kafka", "Forwarding", "1", "1", "0"],
    ]
    (session,) = cells(lines, "SESSIONS")
    assert session[0] == "up"
    assert session[-1] == bridge.session("up").client_id
    assert "Forwarding" in session
    assert "TROUBLE" not in lines


def test_two_pods_are_shown_as_one_bridge(lab: Lab) -> None:
    mappings = [inbound(f"m{n}", f"m{n}/#", lab.topic(f"m{n}")) for n in (1, 2)]
    bridges = pods(lab, *mappings)
    for number in (1, 2):
        lab.publish(f"m{number}/1")
    for topic in ("m1", "m2"):
        lab.records(f"{lab.name}.{topic}", 1)
    where = {s.mapping: (b.status().pod, s) for b in bridges for s in b.status().sessions}

    code, lines = status(*map(url, bridges))

    assert code == 0, lines
    assert [row[0] for row in cells(lines, "POD")] == ["plant-0", "plant-1"]
    assert cells(lines, "MAPPING") == [
        [name, "MQTT", "to", "Kafka", "Forwarding", "1", "1", "0"] for name in ("m1", "m2")
    ]
    found = {row[0]: row[1:6] for row in cells(lines, "SESSIONS")}
    assert found == {
        name: ["0", str(session.slot), pod, str(session.term), "Forwarding"]
        for name, (pod, session) in where.items()
    }
    assert {pod for pod, _ in where.values()} == {"plant-0", "plant-1"}


def test_the_topic_knows_all_sessions_and_whose_pod_is_gone(lab: Lab) -> None:
    mappings = [inbound(f"m{n}", f"m{n}/#", lab.topic(f"m{n}")) for n in (1, 2)]
    bridges = pods(lab, *mappings)
    where = {s.mapping: (b.status().pod, s) for b in bridges for s in b.status().sessions}
    file = str(bridges[0].config_file)

    code, lines = status("--file", file)

    assert code == 0, lines
    assert lines[1] == "pods that take part: plant-0, plant-1"
    found = {row[0]: [*row[1:6], *row[7:]] for row in cells(lines, "SESSIONS")}
    assert found == {
        name: ["0", str(session.slot), pod, str(session.term), "Claimed", "1", session.client_id]
        for name, (pod, session) in where.items()
    }
    assert "TROUBLE" not in lines

    for bridge in bridges:
        bridge.kill()
    eventually(lambda: "plant-0, plant-1: gone" in "\n".join(status("--file", file)[1]), SECONDS)
    report = json.loads("\n".join(status("--file", file, "--output", "json")[1]))
    assert report["pods"] == []
    assert {session["present"] for session in report["sessions"]} == {False}


def test_a_pod_that_is_not_ready_or_not_there_is_exit_code_1_and_told_with_its_cure(
    lab: Lab,
) -> None:
    nowhere = f"mqtt://127.0.0.1:{free_port()}"
    mapping = inbound("up", "up/#", lab.topic("up"))
    bridge = lab.bridge({"mqtt": {"servers": [nowhere]}, **split(mapping)})
    bridge.up(ready=False)
    await_link_trouble(bridge, "mqtt", Reason.MQTT_UNREACHABLE)
    bridge.await_status(lambda s: s.mappings[0].kafka.connected, SECONDS, what="Kafka is up")
    silent = f"http://127.0.0.1:{free_port()}"

    code, lines = status(url(bridge), silent)

    assert code == 1
    assert [row[2] for row in cells(lines, "POD")] == ["no", "no"]
    start = lines.index("TROUBLE") + 1
    troubles = lines[start : start + 4]
    assert troubles[0] == f"{silent} can't be reached: nothing listens on this port"
    assert troubles[2].startswith("up on ")
    assert "MqttUnreachable" in troubles[2]
    assert all(line.startswith("  cure: ") for line in troubles[1::2]), troubles
    report = json.loads("\n".join(status(url(bridge), silent, "--output", "json")[1]))
    assert report["ready"] is False
    assert [pod["failure"] is None for pod in report["pods"]] == [True, False]
    assert report["mappings"][0]["troubles"][0]["reason"] == "MqttUnreachable"


def test_a_topic_that_can_not_be_read_is_told_with_its_cure(lab: Lab) -> None:
    mapping = inbound("up", "up/#", "up")
    missing = lab.bridge({"kafka": SHARED, **split(mapping)})
    code, lines = status("--file", str(missing.config_file))
    assert (code, lines[-1]) == (
        0,
        "There is no such topic: no bridge with this configuration has run.",
    )

    nowhere = {**SHARED, "bootstrapServers": [f"127.0.0.1:{free_port()}"]}
    away = lab.bridge({"kafka": nowhere, **split(mapping)})
    code, lines = status("--file", str(away.config_file))
    assert code == 1
    assert lines[0].startswith("KafkaUnreachable: ")
    assert lines[1].startswith("  cure: ")

    alone = lab.bridge(split(mapping))
    code, lines = status("--file", str(alone.config_file))
    assert code == 2
    assert "ask the pod" in lines[0]
