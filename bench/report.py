"""From single runs to a table that a person reads: median, spread, ratios, faults."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.memory import Memory
from bench.trial import Outcome

_YARDSTICKS = ("baseline", "mq-bridge")
_HEADINGS = (
    *("case", "system", "runs", "msg/CPU-s", "spread", "us/msg", "msg/s wall", "RSS MiB"),
    *(f"x {name}" for name in _YARDSTICKS),
    *("source us", "faults"),
)
_LATENCY_HEADINGS = (
    *("case", "system", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "RSS MiB", "faults"),
)
_MEMORY_HEADINGS = (
    *("case", "system", "rest MiB", "load MiB", "frozen MiB"),
    *("PUBACKs while frozen", "unacknowledged", "window", "faults"),
)


@dataclass(frozen=True)
class Summary:
    """All runs of one system in one case."""

    case: str
    system: str
    runs: int
    per_cpu_second: float
    """Messages for one second of CPU (user + system, children too): the median."""
    slowest: float
    fastest: float
    per_second: float
    """Messages a second of wall time: the median."""
    rss_peak_mib: float
    source_microseconds: float
    """CPU of our source or sink for one message: the median."""
    faults: dict[str, int]
    """Per kind, the worst run's count."""
    problems: list[str]
    latency_ms: dict[str, float]


def summarise(outcomes: Iterable[Outcome]) -> list[Summary]:
    """Group runs by case and system, in the order in which they first came."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.case, outcome.system), []).append(outcome)
    return [_summary(group) for group in groups.values()]


def _summary(group: Sequence[Outcome]) -> Summary:
    good = [outcome for outcome in group if not outcome.problem]
    rates = [outcome.per_cpu_second for outcome in good] or [0.0]
    faults: dict[str, int] = {}
    latencies: dict[str, list[float]] = {}
    for outcome in good:
        for name, count in outcome.faults.items():
            faults[name] = max(count, faults.get(name, 0))
        for name, value in outcome.extra.get("latency_ms", {}).items():
            latencies.setdefault(name, []).append(value)
    return Summary(
        case=group[0].case,
        system=group[0].system,
        runs=len(good),
        per_cpu_second=statistics.median(rates),
        slowest=min(rates),
        fastest=max(rates),
        per_second=_median(outcome.per_second for outcome in good),
        rss_peak_mib=max([outcome.rss_peak_mib for outcome in good], default=0.0),
        source_microseconds=_median(
            outcome.source_cpu_seconds / outcome.messages * 1e6 for outcome in good
        ),
        faults=faults,
        problems=[outcome.problem for outcome in group if outcome.problem],
        latency_ms={name: statistics.median(values) for name, values in latencies.items()},
    )


def _median(values: Iterable[float]) -> float:
    found = list(values)
    return statistics.median(found) if found else 0.0


def table(summaries: Sequence[Summary]) -> str:
    """Return the table of throughput, and below it the one of latencies."""
    rows: list[tuple[str, ...]] = [_HEADINGS]
    rows += [_row(summary, summaries) for summary in summaries if not summary.latency_ms]
    slow: list[tuple[str, ...]] = [_LATENCY_HEADINGS]
    for one in summaries:
        if one.latency_ms:
            marks = [f"{one.latency_ms[name]:.1f}" for name in ("p50", "p99", "p99.9", "max")]
            slow.append((one.case, one.system, *marks, f"{one.rss_peak_mib:.0f}", _faults(one)))
    return "\n\n".join(aligned(part) for part in (rows, slow) if len(part) > 1)


def _row(one: Summary, summaries: Sequence[Summary]) -> tuple[str, ...]:
    by_name = {other.system: other for other in summaries if other.case == one.case}
    ratios = []
    for name in _YARDSTICKS:
        other = by_name.get(name)
        known = other is not None and other.per_cpu_second and other is not one
        ratios.append(f"{one.per_cpu_second / other.per_cpu_second:.2f}" if other and known else "")
    return (
        *(one.case, one.system, str(one.runs)),
        f"{one.per_cpu_second:,.0f}",
        f"{one.slowest / 1000:,.0f}-{one.fastest / 1000:,.0f}k",
        f"{1e6 / one.per_cpu_second:.2f}" if one.per_cpu_second else "",
        f"{one.per_second:,.0f}",
        f"{one.rss_peak_mib:.0f}",
        *ratios,
        f"{one.source_microseconds:.2f}",
        _faults(one),
    )


def _faults(one: Summary) -> str:
    found = [f"{count} {name}" for name, count in one.faults.items()] + one.problems
    return "; ".join(found) or "none"


def memory_table(rows: Sequence[Memory]) -> str:
    """Return the table of memory, and of what left while Kafka was frozen."""
    lines: list[tuple[str, ...]] = [_MEMORY_HEADINGS]
    for row in rows:
        sizes = (row.rest_mib, row.load_peak_mib, row.frozen_peak_mib)
        counts = (row.acknowledged_while_frozen, row.unacknowledged_while_frozen, row.window)
        found = [f"{count} {name}" for name, count in row.faults.items()]
        lines.append(
            (
                *(row.case, row.system, *(f"{size:.0f}" for size in sizes), *map(str, counts)),
                row.problem or "; ".join(found) or "none",
            )
        )
    return aligned(lines) if rows else ""


def aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as text in columns, numbers to the right, under a rule below the first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index in {0, 1, len(widths) - 1} else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
