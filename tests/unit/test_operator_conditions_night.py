"""What a person reads at three in the morning: Ready, its reason, and what to do about it."""

from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest

from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_bridge.contract.status import MappingState, Reason, SessionState
from mqtt_kafka_operator.api import OperatorReason
from mqtt_kafka_operator.conditions import conclude
from mqtt_kafka_operator.facts import (
    Container,
    Ending,
    Facts,
    MissingSecret,
    Refusal,
    Silence,
    Workload,
)
from tests.support.bridge_facts import (
    COMMANDS,
    NOW,
    SILENT,
    TELEMETRY,
    concluded,
    facts,
    healthy,
    mapping,
    pod,
    says,
    session,
    spec,
    trouble,
    waiting,
)

NEW_POD = Workload(desired=1, replicas=1, updated=1, ready=0)
REPLACING = Workload(desired=1, replicas=2, updated=1, ready=1, settled=False)
NO_PODS = Workload(desired=0)
DOWN = facts(
    says(
        waiting(TELEMETRY, Reason.MQTT_UNREACHABLE, "mqtt://broker:1883: refused", "mqtt"),
        waiting(COMMANDS, Reason.MQTT_UNREACHABLE, "mqtt://broker:1883: refused", "mqtt"),
        ready=False,
    ),
    pods=(pod(ready=False),),
    workload=replace(NEW_POD, settled=True),
)


def no_pod_runs(container: Container) -> Facts:
    """Return the facts of a roll-out whose only pod has this container."""
    new = pod(ready=False, address=None, containers=(container,))
    return facts(pods=(new,), workload=NEW_POD)


class Night(NamedTuple):
    """A situation, the columns of `kubectl get mkb`, and words of Ready's message."""

    what: str
    seen: Facts
    ready: str
    mqtt: str
    kafka: str
    reason: str
    words: tuple[str, ...] = ()


NIGHTS = (
    Night("all is well", healthy(), "True", "True", "True", "AsExpected"),
    Night(
        "just applied",
        facts(workload=None),
        "False",
        "Unknown",
        "Unknown",
        "Starting",
        ("see Progressing",),
    ),
    Night("pods start", facts(workload=NEW_POD), "False", "Unknown", "Unknown", "Starting"),
    Night(
        "rolling out, the old pod forwards",
        healthy(workload=REPLACING),
        "True",
        "True",
        "True",
        "RollingOut",
        ("all mappings forward",),
    ),
    Night(
        "MQTT broker down",
        DOWN,
        "False",
        "False",
        "True",
        "MqttUnreachable",
        ("all mappings: mqtt://broker:1883: refused; do this",),
    ),
    Night(
        "wrong Kafka password",
        facts(
            says(
                waiting(TELEMETRY, Reason.KAFKA_BAD_CREDENTIALS, "kafka:9092 refused", "kafka"),
                waiting(COMMANDS, Reason.KAFKA_BAD_CREDENTIALS, "kafka:9092 refused", "kafka"),
            )
        ),
        "False",
        "True",
        "False",
        "KafkaBadCredentials",
        ("kafka:9092 refused",),
    ),
    Night(
        "a Secret is missing",
        healthy(
            missing_secrets=(
                MissingSecret("spec.mqtt.authentication.passwordSecret", "plant-mqtt"),
            )
        ),
        "False",
        "True",
        "True",
        "SecretMissing",
        ("spec.mqtt.authentication.passwordSecret", "no Secret plant-mqtt", "create it"),
    ),
    Night(
        "a filter is wrong",
        healthy(
            mistakes=(
                Mistake(
                    ("spec", "mqttToKafka", 0, "from", "filter"),
                    'has "#" before its end',
                    "write # last",
                ),
            )
        ),
        "False",
        "True",
        "True",
        "InvalidSpec",
        ('spec.mqttToKafka[0].from.filter: has "#" before its end; write # last', "stay as they"),
    ),
    Night(
        "a poison message stopped one mapping",
        facts(
            says(
                mapping(
                    TELEMETRY,
                    MappingState.STOPPED,
                    trouble(Reason.MESSAGE_REFUSED, "a message that can't be forwarded: BadJson"),
                ),
                mapping(COMMANDS),
            )
        ),
        "False",
        "True",
        "True",
        "MessageRefused",
        ("mapping telemetry: a message", "annotate mkb plant", "resume=telemetry=WORD"),
    ),
    Night(
        "dead letters are blocked",
        facts(says(waiting(TELEMETRY, Reason.DEAD_LETTER_BLOCKED), mapping(COMMANDS))),
        "False",
        "True",
        "True",
        "DeadLetterBlocked",
        ("mapping telemetry: it is so; do this",),
    ),
    Night(
        "a topic is missing",
        facts(says(mapping(), waiting(COMMANDS, Reason.TOPIC_MISSING, "no topic c"))),
        "False",
        "True",
        "True",
        "TopicMissing",
        ("mapping commands: no topic c; do this",),
    ),
    Night(
        "data may get lost",
        facts(says(mapping(risks=[trouble(Reason.SESSION_LOST)]), mapping(COMMANDS))),
        "True",
        "True",
        "True",
        "AsExpected",
    ),
    Night(
        "scaled to 0",
        facts(spec=spec(replicas=0), workload=NO_PODS),
        "False",
        "Unknown",
        "Unknown",
        "Paused",
        ("see Paused",),
    ),
    Night(
        "paused",
        facts(spec=spec(paused=True), workload=NO_PODS),
        "False",
        "Unknown",
        "Unknown",
        "Paused",
    ),
    Night(
        "the image is missing",
        no_pod_runs(Container("bridge", "registry/bridge:2", waiting="ImagePullBackOff")),
        "False",
        "Unknown",
        "Unknown",
        "ImageNotPulled",
        ("pod plant-a can't get the image registry/bridge:2", "imagePullSecrets"),
    ),
    Night(
        "the image of the next version is missing",
        healthy(
            pods=(
                pod(),
                pod("plant-b", ready=False, containers=(Container("bridge", "b:2", waiting="x"),)),
            ),
            workload=REPLACING,
        ),
        "True",
        "True",
        "True",
        "PodNotStarted",
        ("container bridge of pod plant-b can't be started: x",),
    ),
    Night(
        "out of memory",
        no_pod_runs(Container("bridge", ended=Ending(137, "OOMKilled"))),
        "False",
        "Unknown",
        "Unknown",
        "OutOfMemory",
        ("used more memory than its limit", "spec.template"),
    ),
    Night(
        "the process crashes",
        no_pod_runs(Container("bridge", waiting="CrashLoopBackOff", ended=Ending(1, "Error", "x"))),
        "False",
        "Unknown",
        "Unknown",
        "PodsCrashing",
        ("a bug of the bridge (exit code 1): x", "report it"),
    ),
    Night(
        "no node has room",
        facts(
            pods=(pod(ready=False, address=None, unschedulable="0/3 nodes are available: no."),),
            workload=NEW_POD,
        ),
        "False",
        "Unknown",
        "Unknown",
        "Unschedulable",
        ("no node takes pod plant-a: no; make room",),
    ),
    Night(
        "a quota allows no pod",
        facts(
            workload=replace(NEW_POD, refusal='pods "plant-bridge-7d-x2x4z" is forbidden: quota'),
        ),
        "False",
        "Unknown",
        "Unknown",
        "PodsRefused",
        ('pods "plant-bridge-7d-" is forbidden: quota',),
    ),
    Night(
        "somebody else has the Deployment",
        facts(
            workload=None,
            refusals=(
                Refusal(
                    OperatorReason.NAME_CONFLICT,
                    "the Deployment plant-bridge belongs to somebody else",
                    "delete it, or rename the bridge",
                ),
            ),
        ),
        "False",
        "Unknown",
        "Unknown",
        "NameConflict",
        ("belongs to somebody else; delete it, or rename the bridge",),
    ),
    Night(
        "the operator can't reach the pods",
        healthy(answers={"plant-a": SILENT}),
        "Unknown",
        "Unknown",
        "Unknown",
        "StatusUnreachable",
        ("no answer within 5 s", "NetworkPolicy", "mqttkafka.dev/bridge: plant", "named http"),
    ),
    Night(
        "nor does Kubernetes find one ready",
        healthy(answers={"plant-a": SILENT}, workload=NEW_POD),
        "False",
        "Unknown",
        "Unknown",
        "StatusUnreachable",
    ),
    Night(
        "the bridge image is newer than the operator",
        healthy(answers={"plant-a": Silence(OperatorReason.STATUS_NOT_UNDERSTOOD, "version: 2")}),
        "Unknown",
        "Unknown",
        "Unknown",
        "StatusNotUnderstood",
        ("version: 2",),
    ),
    Night(
        "one pod of two is gone, the other has everything",
        healthy(workload=Workload(desired=2, replicas=2, updated=2, ready=1, settled=True)),
        "True",
        "True",
        "True",
        "PodsNotReady",
        ("all mappings forward, but", "-l mqttkafka.dev/bridge=plant"),
    ),
    Night(
        "a roll-out does not end, nobody knows why",
        healthy(workload=replace(REPLACING, late=True)),
        "True",
        "True",
        "True",
        "RollOutStuck",
    ),
    Night(
        "links are up, and the probe has not asked yet",
        healthy(workload=NEW_POD),
        "False",
        "True",
        "True",
        "Starting",
    ),
    Night(
        "no mappings yet",
        facts(says(), spec=spec(mqttToKafka=[], kafkaToMqtt=[])),
        "True",
        "Unknown",
        "Unknown",
        "NoMappings",
    ),
    Night("hands off", healthy(unmanaged=True), "True", "True", "True", "Unmanaged"),
    Night("being deleted", healthy(deleting=True), "False", "True", "True", "Deleting"),
)


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.what)
def test_the_columns_tell_what_matters(night: Night) -> None:
    """Ready, MQTT, Kafka, Reason; and the message says what to do."""
    conditions = concluded(night.seen)

    columns = [conditions[type_].status for type_ in ("Ready", "MqttConnected", "KafkaConnected")]
    assert [*columns, conditions["Ready"].reason] == [
        night.ready,
        night.mqtt,
        night.kafka,
        night.reason,
    ]
    assert [word for word in night.words if word not in conditions["Ready"].message] == []


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.what)
def test_a_status_that_is_concluded_again_is_the_same_object(night: Night) -> None:
    """Whenever it is, so that an idle operator writes nothing."""
    first = conclude(night.seen, None, NOW)
    again = conclude(night.seen, first, NOW + timedelta(minutes=10))

    assert again is first
    assert conclude(night.seen, first.model_copy(deep=True), NOW) == first


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.what)
def test_what_is_not_as_it_should_be_says_why(night: Night) -> None:
    """Each condition that is not as one wishes has a message, and all are short."""
    wished = {"DeadLetterBlocked": "False", "DataLossRisk": "False", "Paused": "False"}
    for condition in conclude(night.seen, None, NOW).conditions:
        assert len(condition.message.encode()) <= 1000
        if condition.status != wished.get(condition.type, "True") and (
            condition.type != "Progressing"
        ):
            assert condition.message


def test_a_mapping_that_moves_does_not_make_a_bridge_unready() -> None:
    """A hand-over takes a second; whoever asks in that second should not be woken by it."""
    moving = facts(
        says(
            waiting(TELEMETRY, Reason.SESSION_ELSEWHERE),
            mapping(COMMANDS),
            sessions=[session(state=SessionState.WAITING, since=NOW)],
        )
    )
    before = conclude(healthy(), None, NOW)

    assert conclude(moving, before, NOW) != before
    assert concluded(moving, before)["Ready"] == concluded(healthy())["Ready"]


def test_a_move_that_takes_too_long_makes_it_unready() -> None:
    moving = facts(
        says(
            waiting(TELEMETRY, Reason.SESSION_ELSEWHERE),
            mapping(COMMANDS),
            sessions=[session(state=SessionState.WAITING, since=NOW)],
        )
    )
    before = conclude(healthy(), None, NOW)

    ready = concluded(moving, before, NOW + timedelta(minutes=2))["Ready"]

    assert (ready.status, ready.reason) == ("False", "SessionElsewhere")


def test_a_bridge_that_was_not_ready_is_so_only_once_everything_forwards() -> None:
    moving = facts(says(waiting(TELEMETRY, Reason.STARTING), mapping(COMMANDS), started_at=NOW))

    assert concluded(moving)["Ready"].status == "False"
    assert concluded(moving, conclude(DOWN, None, NOW))["Ready"].status == "False"
