"""`retire`: what a stopped bridge left at the MQTT broker is ended; one that runs is left alone."""

import asyncio
import subprocess
import sys
from typing import Any

import mqtt5

from mqtt_kafka_bridge.config_file import load
from mqtt_kafka_bridge.kafka.session_overview import Overview, overview
from tests.support.bridge import Bridge
from tests.support.certificates import Authority
from tests.support.hivemq import HiveMQ
from tests.support.mqtt_client import MqttClient
from tests.support.processes import Process
from tests.support.scenario import Lab
from tests.support.scenario_checks import await_counts
from tests.support.scenario_config import inbound, login, outbound, split, trusting

SHARED: dict[str, Any] = {"coordination": {"type": "Kafka"}}
PROGRAM = (sys.executable, "-m", "mqtt_kafka_bridge", "retire")
SECONDS = 90
"""Longest that a test waits for the program, which has a time-out of its own."""


def retired(bridge: Bridge, timeout: str = "60s") -> subprocess.CompletedProcess[str]:
    """Return what `retire` says and how it ends, for the file of a bridge."""
    return subprocess.run(
        [*PROGRAM, str(bridge.config_file), "--timeout", timeout],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class Prober(MqttClient):
    """A client that takes a session over to see whether there is one."""

    present = False

    def on_connected(self, answer: mqtt5.ConnAckPacket) -> None:
        """Note whether the broker knew the session."""
        self.present = answer.session_present


def is_at_broker(lab: Lab, client_id: str, url: str | None = None) -> bool:
    """Return whether the MQTT broker keeps a session."""
    return lab.background.enter(Prober(url or lab.broker.url, client_id)).present


def stored(bridge: Bridge) -> Overview:
    """Return what the coordination topic holds for the file of a bridge."""
    return asyncio.run(overview(load(bridge.config_file), "test"))


def pod(lab: Lab, name: str, *mappings: dict[str, Any], **config: object) -> Bridge:
    """Run one of the pods that share the sessions."""
    return lab.run(*mappings, pod=name, kafka=SHARED, **config)


def test_a_stopped_bridge_leaves_nothing_at_the_broker_and_nothing_in_the_topic(lab: Lab) -> None:
    events = {**inbound("events", "events/#", lab.topic("up")), "ordering": "None", "sessions": 2}
    state = inbound("state", "state/#", f"{lab.name}.up")
    down = outbound("down", lab.topic("down"), "down/{key}", start_from="Latest")
    bridge = pod(lab, "plant-0", events, state, down)
    sessions = {session.client_id for session in bridge.status().sessions}
    assert bridge.terminate() == 0
    # One is of a mapping that the file does not name any more.
    bridge.configure(lab.complete({"generation": 2, "kafka": SHARED, **split(events, down)}))
    assert stored(bridge).view.sessions.keys() == sessions
    assert stored(bridge).view.starts.keys() == {"down"}

    end = retired(bridge)

    assert end.returncode == 0, end
    assert set(end.stdout.splitlines()) == {f"{client_id}: ended" for client_id in sessions}
    assert end.stderr == "3 of 3 sessions ended\n"
    assert [client_id for client_id in sessions if is_at_broker(lab, client_id)] == []
    assert stored(bridge).view.sessions == {}
    assert stored(bridge).view.starts == {}


def test_sessions_of_pods_that_were_killed_are_ended(lab: Lab) -> None:
    mappings = [inbound(f"m{number}", f"m{number}/#", lab.topic(f"m{number}")) for number in (1, 2)]
    bridges = [pod(lab, name, *mappings) for name in ("plant-0", "plant-1")]
    sessions = {wanted.client_id for bridge in bridges for wanted in bridge.status().sessions}
    for bridge in bridges:
        bridge.kill()

    end = retired(bridges[0])

    assert end.returncode == 0, end
    assert set(end.stdout.splitlines()) == {f"{client_id}: ended" for client_id in sessions}
    assert len(sessions) == 2
    assert not any(is_at_broker(lab, client_id) for client_id in sessions)


def test_a_bridge_that_runs_is_refused_and_not_disturbed(lab: Lab) -> None:
    bridge = pod(lab, "plant-0", inbound("state", "state/#", lab.topic("up")))
    before = bridge.session("state")

    end = retired(bridge)

    assert end.returncode == 3, end
    assert end.stdout == (f"{before.client_id}: left: pod plant-0 still runs: stop it first\n")
    assert bridge.session("state") == before
    lab.publish("state/1")
    await_counts(bridge, "state", forwarded=1)


def test_a_bridge_that_begins_to_run_meanwhile_keeps_its_sessions(lab: Lab) -> None:
    mappings = [inbound(f"m{number}", f"m{number}/#", lab.topic(f"m{number}")) for number in (1, 2)]
    bridge = pod(lab, "plant-0", *mappings)
    sessions = {session.client_id for session in bridge.status().sessions}
    assert bridge.terminate() == 0
    lab.broker.terminate()
    ending = Process(
        "retire", lab.folder, [*PROGRAM, str(bridge.config_file), "--timeout", f"{SECONDS}s"]
    )
    ending.launch()
    try:
        ending.await_condition(lambda: "mqtt.servers" in ending.log, 30, what="waits for MQTT")
        bridge.up(ready=False)

        assert ending.wait(SECONDS) == 3
    finally:
        ending.kill()

    left = "left: a pod has begun to run: stop it first"
    assert {f"{client_id}: {left}" for client_id in sessions} <= {*ending.log.splitlines()}
    lab.broker.up()
    bridge.await_ready()
    assert {session.session_present for session in bridge.status().sessions} == {True}


def test_a_record_of_a_later_version_is_left_and_told(lab: Lab) -> None:
    bridge = pod(lab, "plant-0", inbound("state", "state/#", lab.topic("up")))
    client_id = bridge.session("state").client_id
    assert bridge.terminate() == 0
    topic = f"mqttkafka.local.{lab.name}.sessions"
    lab.produce(topic, b'{"v": 2}', key=b"session/later", partition=0)

    end = retired(bridge)

    assert end.returncode == 3
    ended, left = end.stdout.splitlines()
    assert ended == f"{client_id}: ended"
    assert left.startswith("session/later: left: the record can't be read: has version 2")


def test_without_coordination_the_sessions_that_the_file_names_are_ended(lab: Lab) -> None:
    bridge = lab.run(inbound("state", "state/#", lab.topic("up")))
    client_id = bridge.session("state").client_id
    assert bridge.terminate() == 0

    end = retired(bridge)

    assert (end.returncode, end.stdout) == (0, f"{client_id}: ended\n"), end
    assert not is_at_broker(lab, client_id)


def test_hivemq_forgets_the_sessions_too(lab: Lab, hivemq: HiveMQ) -> None:
    events = {**inbound("events", "events/#", lab.topic("up")), "ordering": "None", "sessions": 2}
    bridge = pod(lab, "plant-0", events, mqtt={"servers": [hivemq.url]})
    sessions = {session.client_id for session in bridge.status().sessions}
    assert len(sessions) == 2
    assert bridge.terminate() == 0

    end = retired(bridge)

    assert end.returncode == 0, end
    assert set(end.stdout.splitlines()) == {f"{client_id}: ended" for client_id in sessions}
    assert not any(is_at_broker(lab, client_id, hivemq.url) for client_id in sessions)


def test_the_rights_of_the_bridge_are_enough(secure_lab: Lab, authority: Authority) -> None:
    lab, user, admin = secure_lab, secure_lab.name, secure_lab.kafka.admin
    topic = f"mqttkafka.local.{lab.name}.sessions"
    admin.set_user(user, "s3cret")
    admin.allow(user, "topic", lab.topic("up"), "write", "describe")
    admin.allow(user, "topic", topic, "create", "describe", "describe_configs", "read", "write")
    admin.allow(user, "group", f"local.{lab.name}._sessions", "read")
    kafka = {
        **SHARED,
        "bootstrapServers": lab.kafka.sasl_bootstrap,
        "tls": trusting(authority),
        "authentication": login("scram-sha-512", user, "s3cret", lab.folder / "password"),
    }
    bridge = lab.run(inbound("state", "state/#", f"{lab.name}.up"), kafka=kafka)
    client_id = bridge.session("state").client_id
    assert stored(bridge).view.sessions.keys() == {client_id}
    assert bridge.terminate() == 0

    end = retired(bridge)

    assert (end.returncode, end.stdout) == (0, f"{client_id}: ended\n"), end
    admin.revoke(user)
    admin.allow(user, "topic", topic, "read", "describe")
    forbidden = retired(bridge, "3s")
    assert forbidden.returncode == 3
    assert f"--group local.{lab.name}._sessions" in forbidden.stdout


def test_a_topic_that_does_not_exist_is_not_created(lab: Lab) -> None:
    bridge = lab.bridge({"kafka": SHARED, **split(inbound("state", "state/#", "up"))})

    end = retired(bridge)

    assert end.returncode == 0, end
    assert end.stdout.endswith(": ended\n")
    assert f"mqttkafka.local.{lab.name}.sessions" not in lab.kafka.admin.topics()


def test_a_topic_that_can_not_be_used_any_more_still_says_what_to_end(lab: Lab) -> None:
    bridge = pod(lab, "plant-0", inbound("state", "state/#", lab.topic("up")))
    client_id = bridge.session("state").client_id
    assert bridge.terminate() == 0
    lab.kafka.admin.add_partitions(f"mqttkafka.local.{lab.name}.sessions", 65)
    bridge.configure(lab.complete({"generation": 2, "kafka": SHARED}))

    end = retired(bridge)

    assert (end.returncode, end.stdout) == (0, f"{client_id}: ended\n"), end
    assert "has 65 partitions instead of 64" in end.stderr
    assert not is_at_broker(lab, client_id)


def test_it_gives_up_in_time_and_says_what_it_could_not_reach(lab: Lab) -> None:
    mapping = inbound("state", "state/#", "up")
    nowhere = "127.0.0.1:1"
    for config, culprit in (
        ({"mqtt": {"servers": [f"mqtt://{nowhere}"]}}, "mqtt.servers"),
        ({"kafka": {**SHARED, "bootstrapServers": [nowhere]}}, "kafka.bootstrapServers"),
    ):
        end = retired(lab.bridge({**config, **split(mapping)}), "1s")

        assert end.returncode == 3, end
        assert "1 session" in end.stderr
        assert f"{nowhere} can't be reached" in end.stdout
        assert culprit in end.stdout
