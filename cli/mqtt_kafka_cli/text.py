"""Reports as people read them: tables, then what is wrong, each with its cure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from mqtt_kafka_bridge.contract.status import Direction, MappingState
from mqtt_kafka_bridge.coordination.records import RecordState
from mqtt_kafka_cli.report import MappingReport, PodReport, PodTrouble, Report, SessionReport
from mqtt_kafka_cli.table import Column, duration, paragraph, table
from mqtt_kafka_cli.topic import StoredSession, TopicReport

_NONE = "-"
_DIRECTIONS = {
    Direction.MQTT_TO_KAFKA: "MQTT to Kafka",
    Direction.KAFKA_TO_MQTT: "Kafka to MQTT",
}
_ALWAYS = ("RECEIVED", "FORWARDED", "IN FLIGHT")
"""Counts that have a column even where all are 0; all would not fit a terminal."""
_MOST_NAMES = 3
"""A longer list of mappings is cut: a broker that is away is everybody's trouble."""


def of_pods(report: Report, now: datetime, width: int | None) -> Iterator[str]:
    """Yield the lines about what pods answered."""
    several = len({mapping.bridge for mapping in report.mappings}) > 1
    yield from _pods(report.pods, now, width)
    if report.mappings:
        yield ""
        yield from _mappings(report.mappings, width, several=several)
    if report.sessions:
        yield ""
        yield from _sessions(report.sessions, now, width, several=several)
    names = [_mapping(m.bridge, m.name, several=several) for m in report.mappings]
    named = list(zip(names, report.mappings, strict=True))
    troubles = [(name, trouble) for name, mapping in named for trouble in mapping.troubles]
    risks = [(name, risk) for name, mapping in named for risk in mapping.risks]
    failures = [pod for pod in report.pods if pod.failure]
    if troubles or failures:
        yield from ("", "TROUBLE")
        for pod in failures:
            yield from _item(f"{pod.url} {pod.failure}", pod.cure, width)
        yield from _grouped(troubles, width)
    if risks:
        yield from ("", "RISKS")
        yield from _grouped(risks, width)


def _pods(pods: Sequence[PodReport], now: datetime, width: int | None) -> Iterator[str]:
    columns = [Column("POD"), Column("BRIDGE"), Column("READY"), Column("GENERATION", right=True)]
    columns += [Column("UP"), Column("URL")]
    rows = []
    for pod in pods:
        status = pod.status
        if status is None:
            rows.append([_NONE, _NONE, "no answer", _NONE, _NONE, pod.url])
            continue
        ready = "stopping" if status.stopping else "yes" if status.ready else "no"
        up = duration((now - status.started_at).total_seconds())
        bridge = f"{status.namespace}/{status.bridge}"
        rows.append([status.pod, bridge, ready, str(status.generation), up, pod.url])
    yield from table(columns, rows, width)


def _mappings(
    mappings: Sequence[MappingReport], width: int | None, *, several: bool
) -> Iterator[str]:
    counts = {
        "RECEIVED": [mapping.counts.received for mapping in mappings],
        "FORWARDED": [mapping.counts.forwarded for mapping in mappings],
        "FILTERED": [mapping.counts.filtered for mapping in mappings],
        "EXPIRED": [mapping.counts.expired for mapping in mappings],
        "DEAD LETTERS": [mapping.counts.dead_lettered for mapping in mappings],
        "DROPPED": [sum(mapping.counts.dropped.values()) for mapping in mappings],
        "IN FLIGHT": [mapping.counts.in_flight for mapping in mappings],
    }
    shown = {
        title: numbers for title, numbers in counts.items() if title in _ALWAYS or any(numbers)
    }
    columns = [Column("MAPPING"), Column("DIRECTION"), Column("STATE")]
    columns += [Column(title, right=True) for title in shown]
    rows = [
        [
            _mapping(mapping.bridge, mapping.name, several=several),
            _DIRECTIONS[mapping.direction],
            _states(mapping),
            *(f"{numbers[at]:,}" for numbers in shown.values()),
        ]
        for at, mapping in enumerate(mappings)
    ]
    yield from table(columns, rows, width)


def _mapping(bridge: str, name: str, *, several: bool) -> str:
    return f"{bridge}/{name}" if several else name


def _states(mapping: MappingReport) -> str:
    """Return the state, or how many pods are in which."""
    states = mapping.states
    if len(states) == 1:
        return next(iter(states)).value
    return ", ".join(f"{states[state]} {state.value}" for state in MappingState if state in states)


def _sessions(
    sessions: Sequence[SessionReport], now: datetime, width: int | None, *, several: bool
) -> Iterator[str]:
    columns = [Column("SESSIONS OF"), Column("MEMBER", right=True), Column("SLOT", right=True)]
    columns += [Column("POD"), Column("TERM", right=True), Column("STATE"), Column("SINCE")]
    columns.append(Column("CLIENT ID"))
    rows = [
        [
            _mapping(session.bridge, session.mapping, several=several),
            str(session.member),
            _number(session.slot),
            session.pod,
            _number(session.term),
            session.state.value,
            duration((now - session.since).total_seconds()),
            session.client_id,
        ]
        for session in sessions
    ]
    yield from table(columns, rows, width)


def _number(number: int | None) -> str:
    return _NONE if number is None else str(number)


def _grouped(said: Iterable[tuple[str, PodTrouble]], width: int | None) -> Iterator[str]:
    """Yield each trouble once, with all mappings and pods that have it."""
    groups: dict[tuple[str, str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for mapping, it in said:
        mappings, pods = groups.setdefault((it.reason.value, it.message, it.cure), ({}, {}))
        mappings[mapping] = pods[it.pod] = None
    for (reason, message, cure), (mappings, pods) in groups.items():
        where = f"{_names(list(mappings))} on {_names(list(pods))}"
        yield from _item(f"{where}: {reason}: {message}", cure, width)


def _names(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


def _item(what: str, cure: str, width: int | None) -> Iterator[str]:
    yield from paragraph(what, width)
    if cure:
        yield f"  cure: {cure}"  # One line, for it often holds a command to copy.


def of_topic(report: TopicReport, now: datetime, width: int | None) -> Iterator[str]:
    """Yield the lines about what the coordination topic says."""
    yield f"{report.bridge}, topic {report.topic}"
    yield f"pods that take part: {', '.join(report.pods) or 'none'}"
    if not report.exists:
        yield from ("", "There is no such topic: no bridge with this configuration has run.")
    elif not report.sessions:
        yield from ("", "It holds no session.")
    else:
        yield ""
        yield from _stored(report.sessions, now, width)
    left = sorted(
        {s.pod for s in report.sessions if s.state is RecordState.CLAIMED and not s.present}
    )
    if left or report.unreadable:
        yield from ("", "TROUBLE")
    if left:
        yield from _item(
            f"{', '.join(left)}: gone without handing over; the broker goes on to queue for its"
            " sessions",
            "start the bridge, or retire it: mqtt-kafka retire FILE",
            width,
        )
    for key, why in report.unreadable.items():
        yield from _item(
            f"the record {key} can't be read: {why}", "use the version that wrote it", width
        )


def _stored(sessions: Sequence[StoredSession], now: datetime, width: int | None) -> Iterator[str]:
    columns = [Column("SESSIONS OF"), Column("MEMBER", right=True), Column("SLOT", right=True)]
    columns += [Column("POD"), Column("TERM", right=True), Column("STATE"), Column("SINCE")]
    columns += [Column("GENERATION", right=True), Column("CLIENT ID")]
    rows = [
        [
            session.mapping,
            str(session.member),
            str(session.slot),
            session.pod,
            str(session.term),
            session.state.value,
            duration((now - session.since).total_seconds()),
            str(session.generation),
            session.client_id,
        ]
        for session in sessions
    ]
    yield from table(columns, rows, width)
