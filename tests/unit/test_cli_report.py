"""What several pods say, as one; and as people read it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mqtt_kafka_bridge.contract.status import (
    BridgeStatus,
    Counts,
    Direction,
    LinkStatus,
    MappingState,
    MappingStatus,
    Reason,
    SessionState,
    SessionStatus,
    Trouble,
)
from mqtt_kafka_cli import text
from mqtt_kafka_cli.report import PodReport, Report, report

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
UP, DOWN = LinkStatus(connected=True), Direction.KAFKA_TO_MQTT
AWAY = Trouble(reason=Reason.KAFKA_UNREACHABLE, message="kafka:9092 is away", cure="start it")


def mapping(name: str, state: MappingState, **fields: Any) -> MappingStatus:  # noqa: ANN401 - any
    """Return a mapping from MQTT as a pod shows it."""
    given = {"direction": Direction.MQTT_TO_KAFKA, "mqtt": UP, "kafka": UP, "counts": Counts()}
    return MappingStatus(name=name, state=state, **{**given, **fields})


def session(mapping_name: str, member: int = 0) -> SessionStatus:
    """Return a session as a pod shows it."""
    return SessionStatus(
        client_id=f"local.plant.{mapping_name}.0a1b2c3d",
        mapping=mapping_name,
        member=member,
        slot=7,
        term=41,
        state=SessionState.FORWARDING,
        since=NOW - timedelta(seconds=75),
    )


def pod(
    name: str,
    mappings: list[MappingStatus],
    *sessions: SessionStatus,
    bridge: str = "plant",
    ready: bool = True,
) -> PodReport:
    """Return the answer of a pod."""
    status = BridgeStatus(
        bridge=bridge,
        namespace="local",
        generation=3,
        pod=name,
        started_at=NOW - timedelta(hours=2),
        ready=ready,
        stopping=False,
        mappings=mappings,
        sessions=list(sessions),
    )
    return PodReport(url=f"http://{name}:8080", status=status)


def shown(found: Report, width: int | None = None) -> list[str]:
    """Return the lines of a report."""
    return list(text.of_pods(found, NOW, width))


def test_a_pod_that_has_nothing_of_a_mapping_to_run_does_not_count() -> None:
    idle, busy = (mapping("up", state) for state in (MappingState.WAITING, MappingState.FORWARDING))
    found = report([pod("p0", [idle]), pod("p1", [busy], session("up"))])
    assert found.mappings[0].states == {MappingState.FORWARDING: 1}
    assert report([pod("p0", [idle])]).mappings[0].states == {MappingState.WAITING: 1}


def test_a_pod_that_waits_for_a_reason_counts() -> None:
    waits = mapping("up", MappingState.WAITING, trouble=AWAY)
    forwards = mapping("up", MappingState.FORWARDING)
    found = report([pod("p0", [waits]), pod("p1", [forwards], session("up"))])
    assert found.mappings[0].states == {MappingState.WAITING: 1, MappingState.FORWARDING: 1}
    assert "  1 Forwarding, 1 Waiting  " in shown(found)[5]


def test_counts_are_the_sum_over_the_pods() -> None:
    one = Counts(received=1000, forwarded=900, dropped={"loop": 1}, in_flight=99)
    other = Counts(received=10, forwarded=5, dropped={"loop": 2, "other": 3})
    state = MappingState.FORWARDING
    found = report(
        [
            pod(f"p{at}", [mapping("up", state, counts=counts, direction=DOWN)])
            for at, counts in enumerate((one, other))
        ]
    )
    total = found.mappings[0].counts
    assert (total.received, total.forwarded, total.in_flight) == (1010, 905, 99)
    assert total.dropped == {"loop": 3, "other": 3}


def test_people_read_aligned_columns() -> None:
    forwards = mapping("up", MappingState.FORWARDING, counts=Counts(received=1234, forwarded=1200))
    found = report([pod("p0", [forwards], session("up"))])
    assert shown(found) == [
        "POD  BRIDGE       READY  GENERATION  UP  URL",
        "p0   local/plant  yes             3  2h  http://p0:8080",
        "",
        "MAPPING  DIRECTION      STATE       RECEIVED  FORWARDED  IN FLIGHT",
        "up       MQTT to Kafka  Forwarding     1,234      1,200          0",
        "",
        "SESSIONS OF  MEMBER  SLOT  POD  TERM  STATE       SINCE  CLIENT ID",
        "up                0     7  p0     41  Forwarding  1m15s  local.plant.up.0a1b2c3d",
    ]
    assert max(len(line) for line in shown(found, 60)) == 60


def test_what_did_not_get_through_has_its_columns_as_soon_as_there_is_any() -> None:
    counts = [Counts(dead_lettered=2), Counts(dropped={"loop": 1, "other": 2}), Counts(expired=4)]
    state = MappingState.FORWARDING
    found = report([pod("p0", [mapping(f"m{n}", state, counts=c) for n, c in enumerate(counts)])])
    head, *rows = (line.split("  ") for line in shown(found)[3:7])
    assert [title.strip() for title in head if title][-4:] == [
        "EXPIRED",
        "DEAD LETTERS",
        "DROPPED",
        "IN FLIGHT",
    ]
    assert [[cell.strip() for cell in row if cell][-4:] for row in rows] == [
        ["0", "2", "0", "0"],
        ["0", "0", "3", "0"],
        ["4", "0", "0", "0"],
    ]


def test_a_trouble_is_told_once_with_all_who_have_it_and_its_cure() -> None:
    down = LinkStatus(connected=False, trouble=AWAY)
    mappings = [mapping(f"m{n}", MappingState.WAITING, trouble=AWAY, kafka=down) for n in range(5)]
    lines = shown(report([pod("p0", mappings, ready=False), pod("p1", mappings, ready=False)]))
    assert lines[lines.index("TROUBLE") + 1 :] == [
        "m0, m1, m2 and 2 more on p0, p1: KafkaUnreachable: kafka:9092 is away",
        "  cure: start it",
    ]


def test_risks_are_told_apart_from_troubles() -> None:
    risk = Trouble(reason=Reason.QOS_ZERO, message="qos is 0")
    lines = shown(report([pod("p0", [mapping("up", MappingState.FORWARDING, risks=[risk])])]))
    assert lines[-2:] == ["RISKS", "up on p0: QosZero: qos is 0"]
    assert "TROUBLE" not in lines


def test_two_bridges_are_told_apart() -> None:
    up = [mapping("up", MappingState.FORWARDING)]
    found = report([pod("p0", up), pod("q0", up, bridge="other")])
    assert [one.bridge for one in found.mappings] == ["local/other", "local/plant"]
    assert [line.split()[0] for line in shown(found)[5:7]] == ["local/other/up", "local/plant/up"]


def test_a_pod_that_does_not_answer_is_no_ready_report() -> None:
    silent = PodReport(url="http://p1:8080", failure="can't be reached: why", cure="do this")
    assert report([pod("p0", [])]).ready
    assert not report([pod("p0", [], ready=False)]).ready
    found = report([pod("p0", []), silent])
    assert not found.ready
    lines = shown(found)
    assert lines[2] == "-    -            no answer           -  -   http://p1:8080"
    assert lines[-3:] == ["TROUBLE", "http://p1:8080 can't be reached: why", "  cure: do this"]
