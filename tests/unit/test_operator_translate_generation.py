"""Which generation a configuration has, and when its hash changes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mqtt_kafka_operator.api.bridge import Bridge
from mqtt_kafka_operator.render import Manifest
from mqtt_kafka_operator.translate import Running, Translation, translate
from tests.support.bridges import FULL, MINIMAL, bridge, full_bridge, mapping, rendered

EDITED: dict[str, Any] = {"mqttToKafka": [mapping(**{"from": {"filter": "plant/#"}})]}
ROOT = Path(__file__).parents[2]


def running(made: Bridge, before: Running | None = None) -> Running:
    """Return what pods were told that were rolled to this bridge."""
    translation = translate(made, before)
    return Running(translation.config.generation, translation.config_hash)


def generation(made: Bridge, before: Running | None) -> int:
    """Return the generation that is chosen for a bridge."""
    return translate(made, before).config.generation


def test_a_new_bridge_has_the_generation_of_its_resource() -> None:
    assert generation(bridge(generation=4), None) == 4


def test_scaling_raises_no_generation_and_changes_no_hash() -> None:
    """An autoscaler does it all day; pods that differ in it would overrule each other."""
    before = running(bridge(generation=1))
    scaled = translate(bridge(generation=9, replicas=5), before)

    assert scaled.config.generation == 1
    assert scaled.config_hash == before.config_hash


def test_an_edit_raises_the_generation_to_that_of_the_resource() -> None:
    before = running(bridge(generation=9), running(bridge(generation=1)))

    assert before.generation == 1
    assert generation(bridge(generation=10, **EDITED), before) == 10


def test_an_edit_that_is_taken_back_is_another_configuration() -> None:
    """Else the Deployment would go back to pods that hold the file of before."""
    first = running(bridge(generation=1))
    second = running(bridge(generation=2, **EDITED), first)
    third = running(bridge(generation=3), second)

    assert [it.generation for it in (first, second, third)] == [1, 2, 3]
    assert first.config_hash != third.config_hash


def test_a_resume_token_rolls_the_pods_within_one_generation() -> None:
    before = running(bridge(generation=3))
    resumed = bridge(generation=3, annotations={"mqttkafka.dev/resume": "telemetry=1"})
    after = running(resumed, before)

    assert after.generation == 3
    assert after.config_hash != before.config_hash


def test_a_bridge_that_was_made_anew_beside_its_pods_goes_on_upwards() -> None:
    before = running(bridge(generation=20))

    assert generation(bridge(generation=1, **EDITED), before) == 21
    assert generation(bridge(generation=1), before) == 20


def test_what_pods_were_told_is_read_from_their_deployment() -> None:
    made = full_bridge()

    assert Running.of(rendered(made)["Deployment"]) == running(made)


@pytest.mark.parametrize(
    "deployment",
    [
        None,
        {},
        {"spec": {"template": {"metadata": None}}},
        {"spec": {"template": {"metadata": {"annotations": {"mqttkafka.dev/config-hash": "a"}}}}},
        {
            "spec": {
                "template": {
                    "metadata": {
                        "annotations": {
                            "mqttkafka.dev/config-hash": "a",
                            "mqttkafka.dev/config-generation": "new",
                        }
                    }
                }
            }
        },
        {
            "spec": {
                "template": {"metadata": {"annotations": {"mqttkafka.dev/config-generation": "1"}}}
            }
        },
    ],
)
def test_a_deployment_that_does_not_say_is_none(deployment: Manifest | None) -> None:
    assert Running.of(deployment) is None


def reversed_keys(data: object) -> object:
    """Return plain data with the keys of every map in another order."""
    if isinstance(data, Mapping):
        return {key: reversed_keys(data[key]) for key in reversed(data)}
    return [reversed_keys(item) for item in data] if isinstance(data, list) else data


def test_the_order_of_keys_changes_neither_hash_nor_file() -> None:
    turned: Any = reversed_keys(FULL)
    one, other = translate(bridge(FULL)), translate(bridge(turned))

    assert one.config_hash == other.config_hash
    assert one.file == other.file


def test_a_default_that_is_written_out_changes_nothing() -> None:
    written = {**MINIMAL, "loopGuard": True, "kafka": {**MINIMAL["kafka"], "producer": {}}}

    assert translate(bridge(written)).config_hash == translate(bridge()).config_hash


def test_the_hash_is_the_same_in_every_process() -> None:
    """Python's own hashes are not, and they decide the order of sets."""
    program = (
        "from tests.support.bridges import full_bridge, rendered\n"
        "template = rendered(full_bridge())['Deployment']['spec']['template']\n"
        "print(sorted(template['metadata']['annotations'].items()))"
    )
    path = os.pathsep.join(str(ROOT / folder) for folder in ("bridge_image", "operator", "."))
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(said) == 1


def test_a_translation_is_a_value() -> None:
    one, other = translate(bridge()), translate(bridge())

    assert isinstance(one, Translation)
    assert (one.config, one.secrets) == (other.config, other.secrets)
