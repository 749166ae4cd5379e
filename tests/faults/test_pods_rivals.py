"""Row 19: two bridges with one identity, which do not know of each other."""

import time
from collections.abc import Callable, Sequence

import pytest

from mqtt_kafka_bridge.contract.status import BridgeStatus, Reason, SessionState
from tests.support.bridge import Bridge
from tests.support.pod_flows import Telemetry
from tests.support.processes import Process
from tests.support.site import Site, load
from tests.support.waiting import eventually, throughout

MakeBridge = Callable[..., Bridge]
Note = Callable[[str, float], None]
DETECTED_SECONDS = 20.0
TAKE_OVERS_PER_MINUTE = 2
SOAK_SECONDS, SHORT_SECONDS = 600.0, 40.0
MESSAGES_PER_SECOND = 50


def rivals(site: Site, flow: Telemetry, name: str, make_bridge: MakeBridge) -> list[Bridge]:
    """Return two bridges of one name, each with a group and a coordination topic of its own."""
    config = site.config(flow)
    return [
        make_bridge(
            {
                **config,
                "name": name,
                "kafka": {
                    **config["kafka"],
                    "consumer": {"groupPrefix": f"{name}-{n}"},
                    "coordination": {"type": "Kafka", "topic": f"{name}-{n}.sessions"},
                },
            }
        )
        for n in range(2)
    ]


def says_conflict(status: BridgeStatus) -> bool:
    """Tell whether a mapping says that somebody else has its identity."""
    (mapping,) = status.mappings
    troubles = [mapping.trouble, mapping.mqtt.trouble, *mapping.risks]
    return any(trouble and trouble.reason is Reason.IDENTITY_CONFLICT for trouble in troubles)


def active(bridges: Sequence[Bridge]) -> list[int]:
    """Return which of them forward."""
    return [
        n
        for n, bridge in enumerate(bridges)
        if any(s.state is SessionState.FORWARDING for s in bridge.status().sessions)
    ]


def take_overs(broker: Process, client_id: str) -> list[float]:
    """Return when a client took the place of another, by the broker's log, as time of day."""
    lines = [line for line in broker.log.splitlines() if f"{client_id} already" in line]
    return [float(line.split(":", 1)[0]) for line in lines]


@pytest.mark.timeout(1800)
def test_two_bridges_with_one_identity_leave_each_other_in_peace_and_say_so(
    site: Site, unique: str, make_bridge: MakeBridge, note: Note, *, soak: bool
) -> None:
    """One is active; take-overs are at most two a minute; the status says IdentityConflict; L O."""
    flow = Telemetry(site, unique, "telemetry")
    bridges = rivals(site, flow, unique, make_bridge)
    bridges[0].up()
    with load(site.background, MESSAGES_PER_SECOND, flow):
        eventually(lambda: flow.ledger.safe_count > MESSAGES_PER_SECOND, 20, what="load")
        bridges[1].up(ready=False)
        began = time.time()
        eventually(
            lambda: any(says_conflict(bridge.status()) for bridge in bridges),
            DETECTED_SECONDS,
            what="a conflict",
        )
        detected = time.time()
        seconds = SOAK_SECONDS if soak else SHORT_SECONDS
        seen: list[int] = [1]

        def one_is_active() -> bool:
            seen[:] = [seen[-1], len(active(bridges))]
            return 1 in seen

        throughout(one_is_active, seconds, what="one of them forwards", every_seconds=0.5)
    assert any(says_conflict(bridge.status()) for bridge in bridges)
    (client_id,) = {s.client_id for bridge in bridges for s in bridge.status().sessions}
    times = take_overs(site.mosquitto, client_id)
    note("detected after (s)", detected - began)
    note("take-overs before", sum(at <= detected for at in times))
    later = [at for at in times if at > detected + 1]
    note("take-overs after", len(later))
    assert times, "they never met"
    assert len(later) <= TAKE_OVERS_PER_MINUTE * max(1.0, seconds / 60), later
    flow.complete()
    flow.ledger.check(duplicates_at_most=flow.ledger.duplicates())
    note("duplicates", flow.ledger.duplicates())
