"""Client ids and groups, as the design spells them."""

import pytest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.mapping.names import (
    group,
    incarnation,
    incarnation_of,
    is_marker,
    marker_topic,
    publisher_client_id,
    session_client_id,
    share_filter,
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


def _shared(subscribed: str = "plant/{line}/#", **source: object) -> MqttToKafka:
    return MqttToKafka.model_validate(
        {
            "name": "telemetry",
            "from": {"filter": subscribed} | source,
            "to": {"topic": "plant.telemetry"},
            "ordering": "None",
            "sessions": 3,
        }
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


@pytest.mark.parametrize(("member", "number"), [(None, 0), (0, 0), (2, 2)])
def test_the_sessions_of_a_mapping_without_order_have_a_number_each(
    member: int | None, number: int
) -> None:
    word = incarnation("plant/+/#", 1, "None", "Include")
    assert (
        session_client_id(_config(), _shared(), member) == f"local.plant.telemetry.{word}.{number}"
    )


@pytest.mark.parametrize("member", [None, 0])
def test_the_one_session_of_a_mapping_in_order_has_no_number(member: int | None) -> None:
    assert session_client_id(_config(), mqtt_to_kafka(), member) == session_client_id(
        _config(), mqtt_to_kafka()
    )


def test_how_many_sessions_there_are_changes_no_session() -> None:
    more = _shared().model_copy(update={"sessions": 64})
    assert incarnation_of(more) == incarnation_of(_shared())


def test_a_mapping_in_order_subscribes_to_its_filter() -> None:
    assert share_filter(_config(), mqtt_to_kafka()) == "plant/+/+/telemetry"


def test_a_mapping_without_order_shares_its_filter_among_its_own_sessions() -> None:
    word = incarnation("plant/+/#", 1, "None", "Include")
    shared = share_filter(_config(), _shared())
    assert shared == f"$share/local.plant.telemetry.{word}/plant/+/#"
    other = _config(mqtt={"servers": ["mqtt://127.0.0.1"], "clientIdPrefix": "eu"})
    assert share_filter(other, _shared()) == f"$share/eu.telemetry.{word}/plant/+/#"


def test_a_filter_that_begins_with_a_slash_is_shared_too() -> None:
    assert share_filter(_config(), _shared("/a")).endswith("//a")


def test_an_old_and_a_new_incarnation_are_no_members_of_one_share() -> None:
    assert share_filter(_config(), _shared(qos=0)) != share_filter(_config(), _shared())


def test_a_marker_is_told_by_the_prefix_of_its_bridge() -> None:
    topic = marker_topic(_config(), "e8496ed8")
    assert topic == "mqttkafka/local.plant/marker/e8496ed8"
    assert is_marker("local.plant", topic)
    assert not is_marker("local.plan", topic)
    assert not is_marker("local.plant", "mqttkafka/local.plant/other")
