"""Merging as Kubernetes does. A contract test asks kubectl about the same cases."""

from copy import deepcopy

import pytest

from mqtt_kafka_operator.render.merge import merged
from tests.support.merges import BASE, CASES, Case


@pytest.mark.parametrize("case", CASES, ids=[case.claim for case in CASES])
def test_a_patch_is_merged_as_kubernetes_merges(case: Case) -> None:
    expected = {key: value for key, value in BASE.items() if key not in case.gone}

    assert merged(BASE, case.patch) == {**expected, **case.changed}


@pytest.mark.parametrize("case", CASES, ids=[case.claim for case in CASES])
def test_merging_changes_neither_side(case: Case) -> None:
    base, patch = deepcopy(BASE), deepcopy(case.patch)
    result = merged(base, patch)
    result.setdefault("containers", [{}])[0]["image"] = "changed"
    result.setdefault("securityContext", {})["fsGroup"] = 7

    assert (base, patch) == (BASE, case.patch)


def test_what_is_of_another_kind_takes_its_place() -> None:
    assert merged({"a": {"b": 1}, "env": "x"}, {"a": 2, "env": [{"name": "A"}]}) == {
        "a": 2,
        "env": [{"name": "A"}],
    }


def test_nulls_in_a_list_that_is_replaced_are_left_out() -> None:
    patch = {"sources": [{"secret": {"name": "a", "optional": None}}, "word"]}

    assert merged({}, patch) == {"sources": [{"secret": {"name": "a"}}, "word"]}


def test_replacing_what_is_not_there_adds_it() -> None:
    """Here kubectl drops the value without a word."""
    assert merged({}, {"affinity": {"$patch": "replace", "podAffinity": {}}}) == {
        "affinity": {"podAffinity": {}}
    }


def test_a_directive_that_nobody_knows_is_left_for_the_api_server_to_refuse() -> None:
    item = {"name": "A", "$patch": "merge"}

    assert merged({"a": 1}, {"$patch": "merge"}) == {"a": 1, "$patch": "merge"}
    assert merged({}, {"env": [item]}) == {"env": [item]}
