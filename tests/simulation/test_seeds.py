"""The whole data plane by the hundred: seeds of random load, faults, crashes and restarts.

`SIMULATION_SEEDS=N` runs N of them, `SIMULATION_FROM=M` begins at another one; `make soak` runs
thousands, and harsh ones.
"""

import os
import subprocess
import sys

import pytest

from tests.support.simulation.plan import HARSH_FROM
from tests.support.simulation.run import simulate

FIRST = int(os.environ.get("SIMULATION_FROM", "0"))
SEEDS = int(os.environ.get("SIMULATION_SEEDS", "5000" if os.environ.get("SOAK") else "240"))
_TOGETHER = 20
"""Seeds of one test."""
_BEGINNINGS = [
    *range(FIRST, FIRST + SEEDS, _TOGETHER),
    *(range(HARSH_FROM, HARSH_FROM + SEEDS // 5, _TOGETHER) if os.environ.get("SOAK") else ()),
]


@pytest.mark.parametrize("first", _BEGINNINGS)
def test_nothing_is_lost_reordered_or_repeated_whatever_happens(first: int) -> None:
    """Every promise is kept in every run; a failure says how to see it again."""
    outcomes = [simulate(seed) for seed in range(first, first + _TOGETHER)]

    assert not (broken := [o.story() for o in outcomes if o.wrongs]), "\n\n".join(broken)


@pytest.mark.parametrize("seed", [3, 27])
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


def test_runs_meet_what_they_are_for() -> None:
    """Every kind of fault, crash and change happens within the seeds of one `make test`."""
    happened = {
        word
        for seed in range(FIRST, FIRST + 60)
        for line in simulate(seed).trace
        for word in line.split()[1:2]
    }

    assert happened >= {
        "kill", "drain", "rebalance", "restart_broker", "freeze_kafka", "kafka_down", "late",
        "spoil_batches", "vanish", "stick", "cut_links", "end_links", "refuse_publishes",
        "refuse_connects", "cut_after", "fail_commits", "delete_topic", "join", "add_partition",
    }  # fmt: skip
