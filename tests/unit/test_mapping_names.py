"""Client ids and groups, as the design spells them."""

import pytest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.mapping.names import (
    group,
    incarnation,
    publisher_client_id,
    session_client_id,
)
from tests.support.messages import kafka_to_mqtt, mqtt_to_kafka


def _config(**more: object) -> BridgeConfig:
    return BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "mqtt": {"servers": ["mqtt://127.0.0.1"]},
            "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
        }
        | more
    )


def test_names_follow_the_bridge_and_the_mapping() -> None:
    word = incarnation("plant/+/+/telemetry", 1, "PerKey", "Include")
    assert session_client_id(_config(), mqtt_to_kafka()) == f"local.plant.telemetry.{word}"
    assert publisher_client_id(_config(), kafka_to_mqtt(), "p-0") == "local.plant.commands.out.p-0"
    assert group(_config(), kafka_to_mqtt()) == "local.plant.commands"


def test_the_incarnation_never_changes_between_versions() -> None:
    assert incarnation("plant/+/+/telemetry", 1, "PerKey", "Include") == "e8496ed8"


def test_giving_a_level_another_name_keeps_the_session() -> None:
    renamed = mqtt_to_kafka(subscribed="plant/{hall}/{machine}/telemetry")
    assert session_client_id(_config(), renamed) == session_client_id(_config(), mqtt_to_kafka())


@pytest.mark.parametrize(
    "other",
    [("b", 1, "PerKey", "Include"), ("a", 0, "PerKey", "Include"), ("a", 1, "None", "Include"),
     ("a", 1, "PerKey", "Skip")],
)  # fmt: skip
def test_whatever_needs_another_session_gives_another_incarnation(
    other: tuple[str, int, str, str],
) -> None:
    assert incarnation(*other) != incarnation("a", 1, "PerKey", "Include")
