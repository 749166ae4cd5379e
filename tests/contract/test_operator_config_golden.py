"""Everything that the operator makes of a minimal and of a full resource, to look at.

After a change that is meant: RENEW_GOLDEN=1 pytest tests/contract/test_operator_config_golden.py,
then read the difference that git shows.
"""

import os
from pathlib import Path

import pytest
import yaml

from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render import Manifest, retire_job
from tests.support.bridges import bridge, full_bridge, rendered

GOLDEN = Path(__file__).parent / "golden"


class Readable(yaml.SafeDumper):
    """Writes text of several lines as such, and what comes twice twice."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as the parent has it
        """Write everything out."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Readable.add_representer(str, _text)


def everything(made: Bridge) -> str:
    """Return all objects of a bridge, the Job of its end included, as YAML."""
    found: list[Manifest] = list(rendered(made).values())
    template = rendered(made)["Deployment"]["spec"]["template"]
    listed = [*found, retire_job(made, template)]
    return yaml.dump_all(listed, Dumper=Readable, sort_keys=False, width=100)


@pytest.mark.parametrize(
    ("name", "made"), [("minimal", bridge()), ("full", full_bridge())], ids=["minimal", "full"]
)
def test_what_the_operator_makes_is_what_was_looked_at(name: str, made: Bridge) -> None:
    file, text = GOLDEN / f"{name}.yaml", everything(made)
    if os.environ.get("RENEW_GOLDEN"):
        file.write_text(text)

    assert text == file.read_text(), "if this is meant, see the head of this module"
