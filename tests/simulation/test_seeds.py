"""The whole data plane by the thousand: seeds of random load, faults, crashes, moves and edits.

Seeds from 0 on have one process, those from `HARSH_FROM` on more of everything at once, those from
`PODS_FROM` on several pods that share the sessions. `make soak` runs a hundred thousand of them.
`SIMULATION_SEEDS=N` runs N of each kind, and `SIMULATION_FROM=M` begins at the M-th.
"""

import os
import subprocess
import sys

import pytest

from tests.support.simulation.plan import HARSH_FROM
from tests.support.simulation.plan_of_pods import PODS_FROM
from tests.support.simulation.run import simulate

FIRST = int(os.environ.get("SIMULATION_FROM", "0"))
ALONE, HARSH, PODS = (10_000, 2_000, 88_000) if os.environ.get("SOAK") else (240, 0, 2_000)
_TOGETHER = 20
"""Seeds of one test."""
_ASKED_FOR = os.environ.get("SIMULATION_SEEDS")


def _beginnings(first: int, seeds: int) -> range:
    asked_for = int(_ASKED_FOR) if _ASKED_FOR and seeds else seeds
    return range(first + FIRST, first + FIRST + asked_for, _TOGETHER)


@pytest.mark.parametrize(
    "first",
    [*_beginnings(0, ALONE), *_beginnings(HARSH_FROM, HARSH), *_beginnings(PODS_FROM, PODS)],
)
def test_nothing_is_lost_reordered_or_repeated_whatever_happens(first: int) -> None:
    """Every promise is kept in every run; a failure says how to see it again."""
    outcomes = [simulate(seed) for seed in range(first, first + _TOGETHER)]

    assert not (broken := [o.story() for o in outcomes if o.wrongs]), "\n\n".join(broken)


@pytest.mark.parametrize(
    "seed",
    [
        3_934,  # A record that stopped a mapping kept those before it from being tried again.
        2_828,  # A partition was added while older messages of its keys were not stored yet.
        2_012_456,  # A drain was cut short when the replacement in which it stood was cancelled.
        2_061_000,  # A message stopped a mapping amid its drain, which was cut short by it.
        2_016_460,  # The broker had forgotten an old session, which overtook its replacement.
        2_065_539,  # Likewise.
        2_017_154,  # An edit that had stopped was taken back, and nobody could resume it.
        2_065_925,  # Likewise.
        2_050_519,  # A slot was taken, came back and was taken again amid its hand-over.
        2_042_247,  # An old session was taken over after its UNSUBSCRIBE, and subscribed again.
        3_000_280,  # A pod was stopped while a consumer was joining: a ghost stayed in its group.
        3_004_064,  # A slot was taken while one of its sessions was being claimed.
    ],
)
def test_what_once_broke_a_promise_keeps_it(seed: int) -> None:
    """Seeds beyond those of every day; what they meet changes when the simulation does."""
    assert simulate(seed).wrongs == []


@pytest.mark.parametrize("seed", [3, 27, PODS_FROM + 2, PODS_FROM + 91])
def test_a_seed_gives_the_same_run_again_also_in_another_process(seed: int) -> None:
    """Or a failure could not be replayed: nothing may depend on hashes, addresses, or real time."""
    here = simulate(seed)
    again = simulate(seed)
    program = "import sys; from tests.support.simulation.run import simulate; "
    program += "print('\\n'.join(simulate(int(sys.argv[1])).trace))"
    elsewhere = subprocess.run(
        [sys.executable, "-c", program, str(seed)],
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )

    assert again.trace == here.trace
    assert elsewhere.stdout.splitlines() == here.trace


def _happened(first: int) -> set[str]:
    return {
        word
        for seed in range(first + FIRST, first + FIRST + 60)
        for line in simulate(seed).trace
        for word in line.split()[1:2]
    }


def test_runs_meet_what_they_are_for() -> None:
    """Every kind of fault, crash and change happens within the seeds of one `make test`."""
    assert _happened(0) >= {
        "kill", "drain", "rebalance", "restart_broker", "freeze_kafka", "kafka_down", "late",
        "spoil_batches", "vanish", "stick", "cut_links", "end_links", "refuse_publishes",
        "refuse_connects", "cut_after", "fail_commits", "delete_topic", "join", "add_partition",
    }  # fmt: skip


def test_runs_with_several_pods_meet_what_they_are_for() -> None:
    """Pods come, go, freeze and are cut off; sessions are taken over, replaced and retired."""
    assert _happened(PODS_FROM) >= {
        "crash", "freeze", "part_from_kafka", "part_from_mqtt", "fail_writes", "lag", "scale_up",
        "scale_down", "restart_pod", "compact", "assign_anew", "edit", "evicted", "taken",
        "unsubscribed", "kill", "forgotten", "late",
    }  # fmt: skip
