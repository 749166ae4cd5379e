"""Links, dead letters and risks over all pods and mappings; pods that do not run; Events."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mqtt_kafka_bridge.contract.status import MappingState, Reason
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.conditions import conclude, transitions
from mqtt_kafka_operator.conditions.pods import EXIT_CODES, last_words
from mqtt_kafka_operator.facts import Container, Ending, Facts, Pod, Workload, pod, workload
from tests.support.bridge_facts import (
    COMMANDS,
    NOW,
    ROLLED_OUT,
    TELEMETRY,
    concluded,
    facts,
    healthy,
    mapping,
    says,
    spec,
    trouble,
    waiting,
)
from tests.support.bridge_facts import pod as ready_pod

STOPPED = trouble(Reason.MESSAGE_REFUSED)


def test_a_link_that_waits_for_the_other_side_is_not_blamed() -> None:
    """Without Kafka no session is claimed, so nobody has tried the MQTT broker."""
    kafka = waiting(COMMANDS, Reason.KAFKA_UNREACHABLE, side="kafka")
    seen = facts(says(kafka.model_copy(update={"mqtt": kafka.kafka})))

    conditions = concluded(seen)

    assert conditions["KafkaConnected"].status == "False"
    assert conditions["MqttConnected"].status == "Unknown"
    assert conditions["MqttConnected"].reason == "KafkaUnreachable"
    assert conditions["Ready"].reason == "KafkaUnreachable"


def test_what_concerns_all_mappings_comes_before_what_concerns_one() -> None:
    seen = facts(
        says(
            mapping(TELEMETRY, MappingState.STOPPED, STOPPED),
            waiting(COMMANDS, Reason.KAFKA_UNREACHABLE, side="kafka"),
        )
    )
    ready = concluded(seen)["Ready"]

    assert ready.reason == "KafkaUnreachable"
    assert ready.message.startswith("mapping commands: it is so; do this")
    assert "other mappings have other troubles" in ready.message


def test_mappings_with_words_of_their_own_are_not_lumped_together() -> None:
    """Each misses another topic."""
    names = ("commands", "closings", "clocks", "counts", "calls")
    seen = facts(says(*(waiting(it, Reason.TOPIC_MISSING, f"no topic {it}") for it in names)))
    down = facts(says(*(waiting(it, Reason.KAFKA_UNREACHABLE) for it in names), mapping()))

    assert concluded(seen)["Ready"].message.startswith("mapping calls: no topic calls;")
    assert "mappings calls, clocks, closings and others:" in concluded(down)["Ready"].message


def test_risks_are_told_with_their_mapping_and_cure() -> None:
    seen = facts(says(mapping(risks=[trouble(Reason.QOS_ZERO, "qos is 0", "set from.qos to 1")])))
    risk = concluded(seen)["DataLossRisk"]

    assert (risk.status, risk.reason) == ("True", "QosZero")
    assert risk.message == "mapping telemetry: qos is 0; set from.qos to 1"


def test_a_secret_that_pods_cannot_read_is_blamed_on_its_own_side() -> None:
    seen = facts(says(waiting(TELEMETRY, Reason.SECRET_UNREADABLE, side="mqtt"), mapping(COMMANDS)))

    assert concluded(seen)["MqttConnected"].reason == "SecretUnreadable"
    assert concluded(seen)["KafkaConnected"].status == "True"


def test_every_exit_code_of_the_bridge_has_its_meaning() -> None:
    """Those that its documentation lists."""
    page = Path(__file__).parents[2] / "docs/getting-started.md"
    table = page.read_text().split("## Exit codes")[1]
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}

    assert listed
    assert listed <= set(EXIT_CODES)


def crashed(**fields: Any) -> Facts:  # noqa: ANN401 - whatever it takes
    """Return the facts of a bridge whose only container is so."""
    container = replace(Container("bridge"), **fields)
    return facts(
        pods=(ready_pod(ready=False, containers=(Container("init", ready=True), container)),),
        workload=replace(ROLLED_OUT, ready=0, settled=False),
    )


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (crashed(ended=Ending(7)), "PodsCrashing"),
        (crashed(ended=Ending(0, "OOMKilled")), "OutOfMemory"),
        (crashed(waiting="CrashLoopBackOff"), "PodsCrashing"),
        (crashed(ended=Ending(0)), "Starting"),
        (crashed(waiting="ContainerCreating"), "Starting"),
        (crashed(waiting="ErrImagePull"), "ImageNotPulled"),
        (crashed(waiting="CreateContainerConfigError", waiting_message="no"), "PodNotStarted"),
    ],
)
def test_containers_that_do_not_run_say_why(seen: Facts, reason: str) -> None:
    assert concluded(seen)["Ready"].reason == reason


def test_a_process_that_answers_again_is_not_said_to_crash() -> None:
    """It ended once, long ago; now its broker is down."""
    ended = ready_pod(ready=False, containers=(Container("bridge", ended=Ending(1)),))
    seen = facts(says(waiting(TELEMETRY, Reason.MQTT_UNREACHABLE, side="mqtt")), pods=(ended,))

    assert concluded(seen)["Ready"].reason == "MqttUnreachable"


def test_the_numbers_of_nodes_are_left_out() -> None:
    """They change with each node that comes and goes."""
    words = "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had untolerated taint {a: }."
    seen = facts(
        pods=(Pod("plant-a", unschedulable=words + " preemption: 0/5 nodes are available."),),
        workload=Workload(replicas=1, updated=1),
    )

    assert (
        "no node takes pod plant-a: Insufficient cpu, node(s) had untolerated taint {a: }; make"
        in concluded(seen)["Ready"].message
    )


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        ('{"message": "no", "log.level": "error"}', "no"),
        ('{"message": 1}', '{"message": 1}'),
        ("[1]", "[1]"),
        ("x" * 400, "x" * 297 + "…"),
    ],
)
def test_the_last_words_of_a_process_are_short(left: str, shown: str) -> None:
    assert last_words(left) == shown


def test_a_roll_out_that_is_late_is_stuck() -> None:
    late = Workload(desired=1, replicas=2, updated=1, ready=1, late=True)
    conditions = concluded(healthy(workload=late))
    away = concluded(healthy(workload=replace(ROLLED_OUT, desired=2, observed=False)))

    assert (conditions["Progressing"].status, conditions["Progressing"].reason) == (
        "False",
        "RollOutStuck",
    )
    assert away["Progressing"].status == "True"


def events(*happenings: Facts) -> list[tuple[str, str]]:
    """Return the Events of the last of several happenings."""
    before = None
    status = None
    for seen in happenings:
        before, status = status, conclude(seen, status, NOW)
    assert status is not None
    return [(event.type, event.reason) for event in transitions(before, status)]


DOWN = facts(says(waiting(TELEMETRY, Reason.MQTT_UNREACHABLE, side="mqtt"), mapping(COMMANDS)))
ROLLING = healthy(workload=Workload(desired=1, replicas=2, updated=1, ready=1))
PAUSED = facts(spec=spec(paused=True), workload=Workload(desired=0))
BLOCKED = facts(says(waiting(TELEMETRY, Reason.DEAD_LETTER_BLOCKED), mapping(COMMANDS)))
RISKY = facts(says(mapping(risks=[trouble(Reason.QOS_ZERO)]), mapping(COMMANDS)))
STUCK = facts(says(mapping(TELEMETRY, MappingState.STOPPED, STOPPED), mapping(COMMANDS)))
UNSCHEDULED = healthy(
    pods=(ready_pod(), Pod("plant-b", unschedulable="no")),
    workload=replace(ROLLED_OUT, desired=2, replicas=2, updated=2),
)
INVALID = healthy(missing_secrets=None, mistakes_reason=OperatorReason.INVALID_SPEC)


@pytest.mark.parametrize(
    ("happenings", "told"),
    [
        ((healthy(),), [("Normal", "Ready")]),
        ((healthy(), healthy()), []),
        ((healthy(), DOWN), [("Warning", "MqttUnreachable")]),
        ((DOWN, healthy()), [("Normal", "Ready"), ("Normal", "MqttConnected")]),
        ((healthy(), ROLLING), [("Normal", "RollingOut")]),
        ((ROLLING, healthy()), [("Normal", "RolledOut")]),
        ((healthy(), PAUSED), [("Normal", "Paused")]),
        ((PAUSED, healthy()), [("Normal", "Ready"), ("Normal", "Resumed")]),
        ((healthy(), BLOCKED), [("Warning", "DeadLetterBlocked")]),
        ((BLOCKED, healthy()), [("Normal", "Ready"), ("Normal", "NotBlocked")]),
        ((healthy(), RISKY), [("Warning", "QosZero")]),
        ((RISKY, healthy()), [("Normal", "NoRisk")]),
        ((healthy(), UNSCHEDULED), [("Warning", "Unschedulable")]),
        ((healthy(), STUCK), [("Warning", "MessageRefused")]),
        ((STUCK, STUCK), []),
        (
            (
                ROLLING,
                replace(ROLLING, workload=replace(ROLLING.workload or ROLLED_OUT, late=True)),
            ),
            [("Warning", "RollOutStuck")],
        ),
        ((INVALID, healthy()), [("Normal", "Ready")]),
    ],
)
def test_only_what_changed_is_an_event(
    happenings: tuple[Facts, ...], told: list[tuple[str, str]]
) -> None:
    assert events(*happenings) == told


def test_a_deployment_is_read_as_the_api_server_has_it() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    done = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
    status = {
        "observedGeneration": 2,
        "replicas": 3,
        "updatedReplicas": 2,
        "readyReplicas": 1,
        "conditions": [failure, late],
    }
    manifest = {"metadata": {"generation": 2}, "spec": {"replicas": 3}, "status": status}

    assert workload(manifest) == Workload(3, 3, 2, 1, late=True, refusal="exceeded quota")
    assert workload(manifest | {"status": {"conditions": [done]}}) == Workload(
        3, 0, 0, 0, observed=False, settled=True
    )
    assert workload({"metadata": {}, "spec": {}}) == Workload()


def test_a_pod_is_read_as_the_api_server_has_it() -> None:
    ended = {"terminated": {"exitCode": 2, "reason": "Error", "message": "wrong"}}
    status = {
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True"}],
        "initContainerStatuses": [{"name": "init", "ready": True, "state": {}}],
        "containerStatuses": [
            {
                "name": "bridge",
                "image": "b:1",
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                "lastState": ended,
            }
        ],
    }
    ports = [{"containerPort": 1}, {"name": "http", "containerPort": 8080}]
    manifest = {
        "metadata": {"name": "plant-a", "uid": "u"},
        "spec": {"containers": [{}, {"ports": ports}]},
        "status": status,
    }
    unscheduled = {"type": "PodScheduled", "reason": "Unschedulable", "message": "no room"}
    read = pod(manifest)
    waits = pod(manifest | {"status": {"conditions": [unscheduled]}, "spec": {"containers": []}})

    assert (read.name, read.uid, read.address, read.port) == ("plant-a", "u", "10.0.0.7", 8080)
    assert read.ready
    assert read.can_be_asked
    assert read.containers == (
        Container("init", ready=True),
        Container(
            "bridge",
            "b:1",
            waiting="CrashLoopBackOff",
            waiting_message="back-off",
            ended=Ending(2, "Error", "wrong"),
        ),
    )
    assert (waits.unschedulable, waits.port, waits.can_be_asked) == ("no room", None, False)
    assert pod(manifest | {"status": {"phase": "Failed"}}).leaving
