"""The simulation can fail: each mistake, planted in the flows, is caught by what `make test` runs.

`python -m tests.simulation.test_mutants` says in how many of them.
"""

import pytest

from tests.support.simulation import mutants, mutants_of_pods
from tests.support.simulation.mutants import Plant
from tests.support.simulation.plan_of_pods import PODS_FROM
from tests.support.simulation.run import simulate

ALONE, PODS = range(240), range(PODS_FROM, PODS_FROM + 2_000)
MUTANTS = [
    *((*each, ALONE) for each in mutants.MUTANTS),
    *((*each, PODS) for each in mutants_of_pods.MUTANTS),
]


def _name(value: object) -> str | None:
    return getattr(value, "__name__", "")


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("plant", "checks", "seeds"), MUTANTS, ids=_name)
def test_a_planted_mistake_is_caught(
    monkeypatch: pytest.MonkeyPatch, plant: Plant, checks: set[str], seeds: range
) -> None:
    """By the checks that it is for."""
    plant(monkeypatch)

    assert any(checks & simulate(seed).broken for seed in seeds)


if __name__ == "__main__":
    for plant, checks, seeds in MUTANTS:
        with pytest.MonkeyPatch.context() as patch:
            plant(patch)
            caught = sum(bool(checks & simulate(seed).broken) for seed in seeds)
        print(f"{_name(plant)}: caught in {caught} of {len(seeds)} seeds")  # noqa: T201 - a program
