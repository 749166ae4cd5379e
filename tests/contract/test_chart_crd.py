"""The chart's copy of the CustomResourceDefinition."""

from pathlib import Path

import pytest
import yaml

from tests.support import helm
from tests.support.helm import EVERYTHING, Object

KEEP = {"helm.sh/resource-policy": "keep"}


def committed() -> Object:
    """Return the definition in crds/."""
    (file,) = (Path(__file__).parents[2] / "crds").glob("*.yaml")
    definition: Object = yaml.safe_load(file.read_text())
    return definition


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["cluster", "namespaces"])
def test_a_release_brings_the_definition_as_it_is_committed(values: helm.Values) -> None:
    """Nothing in it is lost between Helm's templates; only uninstalling is told to keep it."""
    brought = helm.one(helm.render(values), "CustomResourceDefinition")
    annotations = brought["metadata"].pop("annotations")
    expected = committed()

    assert annotations == expected["metadata"].pop("annotations", {}) | KEEP
    assert brought == expected


def test_a_release_may_leave_the_definition_to_another() -> None:
    """One a cluster is enough."""
    objects = helm.render({"crd": {"create": False}})

    assert helm.of_kind(objects, "CustomResourceDefinition") == []


def test_the_definition_is_a_template_so_that_upgrades_change_it() -> None:
    """It would never again touch what stands in a chart's `crds` folder."""
    assert not (helm.CHART / "crds").exists()
