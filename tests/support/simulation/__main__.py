"""Replay seeds: `python -m tests.support.simulation SEED...` prints plan, trace and judgement."""

import sys

from tests.support.simulation.run import simulate

for argument in sys.argv[1:]:
    outcome = simulate(int(argument))
    print(outcome.plan, *outcome.trace, outcome.story(), sep="\n")  # noqa: T201 - a program
