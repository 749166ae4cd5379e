"""What is checked of a bridge in every scenario: its ledger, its log, its secrets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from mqtt_kafka_bridge.contract.status import Counts, MappingState, MappingStatus, Reason, Trouble
from tests.support.bridge import Bridge, Metrics
from tests.support.waiting import eventually

SECONDS = 15
"""How long a test waits for what should come at once; a loaded machine is slow."""


def await_counts(
    bridge: Bridge, mapping: str, within_seconds: float = SECONDS, **counts: object
) -> Counts:
    """Wait until a mapping has counted this; return all its counts."""

    def met() -> Counts | None:
        found = bridge.mapping(mapping).counts
        return found if {name: getattr(found, name) for name in counts} == counts else None

    said = eventually(met, within_seconds, what=lambda: f"{counts}; {bridge.mapping(mapping)}")
    assert said is not None
    return said


def check_ledger(bridge: Bridge) -> None:
    """Check G5: status and metrics say the same, and what was received is accounted for.

    Raises:
        AssertionError: with the mappings that do not balance.
    """
    eventually(lambda: not _unbalanced(bridge), SECONDS, what=lambda: f"G5: {_unbalanced(bridge)}")


def _unbalanced(bridge: Bridge) -> list[MappingStatus]:
    metrics = bridge.metrics()
    return [m for m in bridge.status().mappings if not _balances(m, metrics)]


def _balances(mapping: MappingStatus, metrics: Metrics) -> bool:
    counts = mapping.counts
    became = {
        "forwarded": counts.forwarded,
        "filtered": counts.filtered,
        "expired": counts.expired,
        "dead_lettered": counts.dead_lettered,
        "dropped": sum(counts.dropped.values()),
        "returned": counts.returned,
    }
    said = {
        outcome: metrics.total("mqttkafka_messages_total", mapping=mapping.name, outcome=outcome)
        for outcome in ("received", *became)
    }
    return (
        said == {"received": counts.received, **became}
        and metrics.total("mqttkafka_in_flight", mapping=mapping.name) == counts.in_flight
        and metrics.total("mqttkafka_dropped_total", mapping=mapping.name) == became["dropped"]
        and counts.received == sum(became.values()) + counts.in_flight
        and (mapping.state is not MappingState.FORWARDING or counts.in_flight == 0)
    )


def check_no_crash(bridge: Bridge) -> None:
    """Check that its log holds ECS lines only, and none with a stack trace.

    Raises:
        AssertionError: with the lines that are wrong.
    """
    lines = bridge.log.splitlines()
    wrong = [line for line in lines if not line.startswith("{") or "stack_trace" in line]
    assert not wrong, "\n".join(wrong)


def connections(bridge: Bridge, mapping: str) -> int:
    """Return how often a mapping has come to be connected to its MQTT broker, says the log."""
    lines = [line for line in bridge.log_lines() if line.get("labels.mapping") == mapping]
    return sum("labels.server" in line and line["log.level"] == "info" for line in lines)


def troubles(bridge: Bridge, name: str) -> Sequence[str]:
    """Return the reasons of everything that is wrong with a mapping at this moment."""
    mapping = bridge.mapping(name)
    all_of_them = (mapping.trouble, mapping.mqtt.trouble, mapping.kafka.trouble)
    return [trouble.reason.value for trouble in all_of_them if trouble]


def await_link_trouble(
    bridge: Bridge,
    side: Literal["mqtt", "kafka"],
    reason: Reason,
    *words: str,
    within_seconds: float = SECONDS,
) -> Trouble:
    """Wait until every mapping says of a link that it is down, why, and what to do about it.

    Raises:
        AssertionError: status, readiness or log does not say so, or the bridge has ended.
    """

    def said() -> list[Trouble]:
        links = [getattr(mapping, side) for mapping in bridge.status().mappings]
        found = [link.trouble for link in links if link.trouble and link.trouble.reason is reason]
        return found if len(found) == len(links) else []

    found = eventually(
        said,
        within_seconds,
        what=lambda: f"{side} {reason}; {bridge.log_tail()}",
        ignoring=(OSError,),
    )
    assert not bridge.ready
    text = f"{found[0].message}; {found[0].cure}"
    assert found[0].cure
    assert all(word in text for word in words), text
    logged = [line for line in bridge.log_lines() if line.get("labels.reason") == reason.value]
    assert logged, bridge.log_tail()
    assert all(line["labels.cure"] and line["log.level"] == "warning" for line in logged)
    return found[0]


def check_no_secret(bridge: Bridge, *secrets: str) -> None:
    """Check G8: what the bridge shows to anybody holds none of these, nor does its process.

    Raises:
        AssertionError: with the place where a secret stands.
    """
    process = Path("/proc", str(bridge.pid))
    shown = {
        "log": bridge.log,
        "status": bridge.status().model_dump_json(),
        "metrics": bridge.metrics().text,
        "environment": (process / "environ").read_text(errors="replace"),
        "command line": (process / "cmdline").read_text(errors="replace"),
    }
    found = [
        (place, secret) for place, text in shown.items() for secret in secrets if secret in text
    ]
    assert not found, f"G8: {found}"
