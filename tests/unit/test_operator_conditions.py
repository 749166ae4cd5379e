"""The status of a bridge: dated, numbered, stable, and the same object when nothing changed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.contract.mistakes import Mistake
from mqtt_kafka_bridge.contract.status import Direction, MappingState, Reason, SessionState
from mqtt_kafka_operator.api import ConditionType, MqttKafkaBridgeStatus, OperatorReason
from mqtt_kafka_operator.conditions import conclude, condition_sections, transitions
from mqtt_kafka_operator.conditions.cures import cure
from mqtt_kafka_operator.conditions.order import WORST_FIRST
from mqtt_kafka_operator.conditions.reference import CONDITIONS
from mqtt_kafka_operator.facts import Facts, MissingSecret, Refusal, Workload
from tests.support.bridge_facts import (
    COMMANDS,
    LONG_AGO,
    NOW,
    ROLLED_OUT,
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

LATER = NOW + timedelta(minutes=5)
REPLACING = Workload(desired=1, replicas=2, updated=1, ready=1)
BROKER_DOWN = facts(
    says(waiting(TELEMETRY, Reason.MQTT_UNREACHABLE, side="mqtt"), mapping(COMMANDS), ready=False)
)


@pytest.mark.parametrize("seen", [healthy(), facts(workload=None), healthy(deleting=True)])
def test_every_condition_is_always_there_in_one_order(seen: Facts) -> None:
    """Whoever waits for one must not wait for it to appear."""
    status = conclude(seen, None, NOW)

    assert [condition.type for condition in status.conditions] == list(ConditionType)


def test_a_time_moves_only_when_a_status_flips() -> None:
    """A new reason or message is no transition."""
    first = conclude(healthy(), None, NOW)
    down = concluded(BROKER_DOWN, first, LATER)
    rolling = concluded(healthy(workload=REPLACING), first, LATER)

    assert down["Ready"].last_transition_time == LATER
    assert down["KafkaConnected"].last_transition_time == NOW
    assert rolling["Ready"].reason == "RollingOut"
    assert rolling["Ready"].last_transition_time == NOW


def test_times_are_whole_seconds() -> None:
    """The API server keeps no others, so that what is read back would differ."""
    status = conclude(healthy(), None, NOW.replace(microsecond=123456))

    assert status.conditions[0].last_transition_time == NOW


def test_a_status_read_back_from_json_is_taken_for_the_same() -> None:
    written = conclude(healthy(), None, NOW).model_dump(mode="json")
    read = MqttKafkaBridgeStatus.model_validate(written)

    assert conclude(healthy(), read, LATER) is read


def test_an_edit_shows_as_observed_at_once_and_ready_follows_when_it_is_in_effect() -> None:
    """So `kubectl wait --for=condition=Ready` waits for the roll-out, and nobody is woken."""
    first = conclude(healthy(), None, NOW)
    edited = replace(healthy(workload=REPLACING), generation=2, config_generation=2)
    during = conclude(edited, first, LATER)
    again = conclude(edited, during, LATER)
    done = conclude(
        facts(says(mapping(), mapping(COMMANDS), generation=2), generation=2, config_generation=2),
        again,
        LATER,
    )

    assert during.observed_generation == 2
    assert {c.type: c.observed_generation for c in during.conditions} == dict.fromkeys(
        ConditionType, 2
    ) | {"Ready": 1}
    assert again is during
    assert {c.observed_generation for c in done.conditions} == {2}
    assert {c.last_transition_time for c in done.conditions if c.type == "Ready"} == {NOW}


def test_pods_of_an_older_configuration_are_not_in_effect_though_none_is_being_replaced() -> None:
    """As right after an edit, before the Deployment's controller has seen it."""
    seen = replace(healthy(), generation=3, config_generation=3)

    assert concluded(seen)["Ready"].observed_generation == 2


def test_a_roll_out_without_an_edit_leaves_the_generation_alone() -> None:
    """A rotated Secret rolls the pods."""
    first = conclude(replace(healthy(), generation=4), None, NOW)

    ready = concluded(replace(healthy(workload=REPLACING), generation=4), first, LATER)["Ready"]

    assert (ready.status, ready.observed_generation) == ("True", 4)


def test_counts_are_what_the_deployment_and_the_pods_say() -> None:
    workload = Workload(desired=3, replicas=3, updated=3, ready=2, settled=True)
    shared = spec(
        mqttToKafka=[
            {
                "name": TELEMETRY,
                "from": {"filter": "a"},
                "to": {"topic": "a"},
                "ordering": "None",
                "sessions": 3,
            }
        ]
    )
    seen = facts(
        says(mapping(), sessions=[session(member=0)]),
        says(
            mapping(),
            sessions=[
                session(member=1, state=SessionState.HOLDING),
                session(member=2, state=SessionState.CLAIMING),
                session("removed"),
            ],
        ),
        workload=workload,
        spec=shared,
    )
    status = conclude(seen, None, NOW)

    assert (status.replicas, status.ready_replicas) == (3, 2)
    assert status.selector == "mqttkafka.dev/bridge=plant"
    assert (status.sessions.desired, status.sessions.connected) == (3, 2)


def test_a_mapping_is_as_the_worst_pod_says() -> None:
    """Partitions of one topic are on several pods."""
    seen = facts(
        says(mapping(), mapping(COMMANDS)),
        says(
            mapping(COMMANDS, MappingState.STALLED, trouble(Reason.QUOTA_EXCEEDED, "full")),
            sessions=[],
        ),
    )
    commands, telemetry = conclude(seen, None, NOW).mappings

    assert (commands.state, commands.reason) == ("Stalled", "QuotaExceeded")
    assert commands.message == "full; do this"
    assert (telemetry.name, telemetry.direction) == ("telemetry", "MqttToKafka")
    assert (telemetry.state, telemetry.reason, telemetry.message) == ("Forwarding", "", "")


def test_a_pod_without_the_session_has_no_say() -> None:
    """It waits for nothing: another pod has it."""
    idle = mapping(TELEMETRY, MappingState.WAITING)
    seen = facts(says(mapping(), mapping(COMMANDS)), says(idle, mapping(COMMANDS), sessions=[]))

    assert concluded(seen)["Ready"].reason == "AsExpected"


def test_a_pod_that_starts_has_no_say_about_what_runs_elsewhere() -> None:
    starting = [waiting(name, Reason.STARTING, side="kafka") for name in (TELEMETRY, COMMANDS)]
    seen = facts(says(mapping(), mapping(COMMANDS)), says(*starting, sessions=[]))

    conditions = concluded(seen)

    assert conditions["Ready"].status == "True"
    assert conditions["KafkaConnected"].status == "True"


def test_a_pod_that_stops_or_leaves_has_no_say() -> None:
    stopping = says(waiting(TELEMETRY, Reason.STOPPING), stopping=True)
    seen = facts(says(mapping(), mapping(COMMANDS)), stopping, stopping)
    leaving = (pod(), pod("plant-b"), pod("plant-c", leaving=True))

    assert concluded(replace(seen, pods=leaving))["Ready"].status == "True"


def test_a_session_that_is_nowhere_keeps_a_bridge_unready() -> None:
    """All pods tell, and none has it."""
    idle = mapping(TELEMETRY, MappingState.WAITING)
    seen = facts(says(idle, mapping(COMMANDS), sessions=[]))
    status = conclude(seen, None, NOW)

    assert status.conditions[0].status == "False"
    assert "mapping telemetry: no pod has it" in status.conditions[0].message
    assert status.mappings[1].state == "Waiting"


def test_a_session_may_be_where_nobody_can_look() -> None:
    """Kubernetes finds that pod ready, so its links are up."""
    idle = mapping(TELEMETRY, MappingState.WAITING)
    seen = facts(says(idle, mapping(COMMANDS), sessions=[]), says())
    not_yet = replace(seen, answers={"plant-a": seen.answers["plant-a"]})
    silent = replace(seen, answers={"plant-a": seen.answers["plant-a"], "plant-b": SILENT})

    assert concluded(not_yet)["Ready"].status == "True"
    assert conclude(not_yet, None, NOW).mappings[1].state == "Unknown"
    assert concluded(silent)["Ready"].status == "Unknown"
    assert concluded(silent)["MqttConnected"].status == "True"


def test_a_silent_pod_shows_though_the_others_have_everything() -> None:
    seen = facts(says(mapping(), mapping(COMMANDS)), says())
    silent = replace(seen, answers={"plant-a": seen.answers["plant-a"], "plant-b": SILENT})

    ready = concluded(silent)["Ready"]

    assert (ready.status, ready.reason) == ("True", "StatusUnreachable")
    assert ready.message.startswith("all mappings forward, but the operator can't ask the pods")


def test_a_new_mapping_waits_for_pods_that_know_it() -> None:
    old = facts(says(mapping()), workload=REPLACING, config_generation=2)
    status = conclude(old, None, NOW)

    assert (status.mappings[0].name, status.mappings[0].state) == (COMMANDS, "Waiting")
    assert "pods that run do not have it yet" in status.mappings[0].message


def test_a_mapping_that_was_removed_shows_until_it_is_drained() -> None:
    seen = facts(
        says(
            mapping(),
            mapping(COMMANDS),
            mapping("old", MappingState.DRAINING),
            sessions=[
                session(),
                session("old", SessionState.DRAINING),
            ],
        )
    )
    status = conclude(seen, None, NOW)

    assert [(m.name, m.state) for m in status.mappings][1] == ("old", "Draining")
    assert status.conditions[0].status == "True"


def test_a_spec_with_mistakes_shows_the_mappings_that_run() -> None:
    """Not those that it would have."""
    wrong = Mistake(("spec", "mqtt"), "is wrong", "")
    unreadable = facts(
        says(mapping()),
        spec=None,
        mistakes=(wrong,),
        missing_secrets=None,
    )
    status = conclude(unreadable, None, NOW)
    conditions = concluded(unreadable)

    assert [m.name for m in status.mappings] == [TELEMETRY]
    assert (status.sessions.desired, status.sessions.connected) == (0, 0)
    assert conditions["SecretsResolved"].status == "Unknown"
    assert conditions["ConfigValid"].message.startswith("spec.mqtt: is wrong; until then")
    assert conditions["Paused"].status == "False"
    assert conditions["Progressing"].reason == "InvalidSpec"


def test_no_more_mappings_are_shown_than_the_api_takes() -> None:
    many = [mapping(f"m{n:03}") for n in range(201)]

    assert len(conclude(facts(says(*many)), None, NOW).mappings) == 200


def test_mistakes_are_listed_up_to_three() -> None:
    wrong = [Mistake(("spec", name), "is wrong", "mend it") for name in "abcd"]
    message = concluded(healthy(mistakes=tuple(wrong)))["ConfigValid"].message

    assert "spec.c: is wrong; mend it and others" in message
    assert "spec.d" not in message


def test_a_secret_without_the_key_has_another_reason_than_one_that_is_missing() -> None:
    key = MissingSecret("spec.kafka.authentication.passwordSecret", "plant-kafka", "password")
    missing = MissingSecret("spec.mqtt.authentication.passwordSecret", "plant-mqtt")

    without_key = concluded(healthy(missing_secrets=(key,)))["SecretsResolved"]
    both = concluded(healthy(missing_secrets=(key, missing)))["SecretsResolved"]

    assert without_key.reason == "SecretKeyMissing"
    assert "nothing under the key password; add it" in without_key.message
    assert both.reason == "SecretMissing"
    assert "plant-kafka" in both.message
    assert "plant-mqtt" in both.message


def test_the_end_of_a_safe_pause_is_told_and_does_not_move() -> None:
    """It is counted from the flip, whenever it is concluded."""
    seen = facts(spec=spec(paused=True), workload=Workload(desired=0))
    first = conclude(seen, None, NOW)
    later = conclude(seen, first, NOW + timedelta(hours=24))

    assert "until 2026-03-02T03:00:00Z (24h" in concluded(seen)["Paused"].message
    assert later is first


def test_a_pause_that_outlasts_the_sessions_is_a_risk() -> None:
    seen = facts(spec=spec(paused=True), workload=Workload(desired=0))
    first = conclude(seen, None, NOW)
    after = conclude(seen, first, NOW + timedelta(hours=24, seconds=1))

    assert [c.reason for c in first.conditions if c.type == "DataLossRisk"] == ["Paused"]
    assert [c.reason for c in after.conditions if c.type == "DataLossRisk"] == [
        "PauseOutlastsSessions"
    ]


def test_pods_that_stop_for_a_pause_are_progress() -> None:
    seen = healthy(spec=spec(paused=True))

    assert concluded(seen)["Progressing"].reason == "RollingOut"


def test_a_new_leader_changes_nothing_before_it_has_asked() -> None:
    """Or 1,000 bridges would be written, and tell of an outage that was none."""
    for known in (
        healthy(),
        BROKER_DOWN,
        healthy(answers={"plant-a": SILENT}),
        facts(says(mapping(risks=[trouble(Reason.QOS_ZERO)]), mapping(COMMANDS))),
    ):
        before = conclude(known, None, LONG_AGO)
        assert conclude(replace(known, answers={}), before, NOW) is before


def test_but_it_does_not_keep_that_all_is_well_when_no_pod_is_ready() -> None:
    before = conclude(healthy(), None, LONG_AGO)
    gone = healthy(answers={}, workload=replace(ROLLED_OUT, ready=0))

    conditions = concluded(gone, before)

    assert (conditions["Ready"].status, conditions["Ready"].reason) == ("False", "Starting")
    assert conditions["MqttConnected"].status == "Unknown"
    assert conclude(gone, before, NOW).mappings[0].state == "Unknown"


def test_nor_what_has_been_corrected_since() -> None:
    wrong = Mistake(("spec", "mqtt"), "is wrong", "mend it")
    before = conclude(healthy(mistakes=(wrong,)), None, LONG_AGO)

    assert concluded(healthy(answers={}), before)["Ready"].reason == "Starting"


def test_the_bridges_cures_speak_of_the_resource() -> None:
    """A bridge knows its file only."""
    file = trouble(Reason.MQTT_BAD_CREDENTIALS, cure="check the password in its file")
    field = trouble(Reason.MQTT_TLS_FAILED, cure="check mqtt.tls.trustedCertificateFiles")
    overruled = trouble(Reason.GENERATION_OVERRULED, cure="raise `generation` above it")

    assert cure(file, "plant", TELEMETRY) == "check the password in its Secret"
    assert cure(field, "plant", TELEMETRY) == "check mqtt.tls.trustedCertificates"
    assert "raise `generation`" not in cure(overruled, "plant", TELEMETRY)


def test_every_reason_of_a_bridge_has_its_rank() -> None:
    """One without would be a bug in the night it comes up."""
    assert sorted(WORST_FIRST) == sorted(Reason)


def test_every_condition_and_reason_is_documented() -> None:
    types, reasons = condition_sections()

    assert [text.type for text in CONDITIONS] == list(ConditionType)
    assert len(types[3]) == len(ConditionType)
    assert [row[0] for row in reasons[3]] == [f"`{reason.value}`" for reason in OperatorReason]


REASONS = st.sampled_from(list(Reason))
STATEMENTS = st.builds(
    lambda name, state, reason, link: mapping(
        name,
        state,
        reason and trouble(reason),
        **({link: waiting(name, reason, side=link).mqtt} if link == "mqtt" and reason else {}),
    ),
    st.sampled_from([TELEMETRY, COMMANDS, "alarms"]),
    st.sampled_from(list(MappingState)),
    st.none() | REASONS,
    st.sampled_from(["", "mqtt"]),
)
ANSWERS = st.builds(
    lambda statements, started: says(
        *{(it.name, Direction(it.direction)): it for it in statements}.values(), started_at=started
    ),
    st.lists(STATEMENTS, max_size=3),
    st.sampled_from([NOW, LONG_AGO]),
)
COUNT = st.integers(0, 2)
SEEN = st.builds(
    lambda answers, silent, unasked, workload, **rest: replace(
        facts(*answers, workload=workload, **rest),
        answers={}
        if unasked
        else {
            f"plant-{letter}": SILENT if silent else answer
            for letter, answer in zip("abc", answers, strict=False)
        },
    ),
    st.lists(ANSWERS, max_size=3),
    st.booleans(),
    st.booleans(),
    st.none()
    | st.builds(Workload, COUNT, COUNT, COUNT, COUNT, st.booleans(), st.booleans(), st.booleans()),
    spec=st.sampled_from([spec(), spec(paused=True), spec(replicas=0)]),
    deleting=st.booleans(),
    unmanaged=st.booleans(),
    missing_secrets=st.sampled_from([(), None, (MissingSecret("spec.a", "b"),)]),
    refusals=st.sampled_from([(), (Refusal(OperatorReason.APPLY_REFUSED, "no", "yes"),)]),
)


@settings(deadline=None)
@given(st.lists(SEEN, min_size=1, max_size=4))
def test_whatever_happens_a_status_is_whole_and_settles_at_once(happenings: list[Facts]) -> None:
    """What is concluded twice from the same is the same, and no message is too long."""
    status = None
    for generation, it in enumerate(happenings, 1):
        seen = replace(it, generation=1 + generation // 2)
        before, status = status, conclude(seen, status, NOW)
        assert conclude(seen, status, NOW) is status
        assert len(status.conditions) == len(ConditionType)
        assert all(len(c.message.encode()) <= 1000 for c in status.conditions)
        assert all(c.observed_generation <= seen.generation for c in status.conditions)
        assert all(len(e.note.encode()) <= 1000 for e in transitions(before, status))
        assert transitions(status, status) == []
