"""What the operator's environment may say."""

import pytest

from mqtt_kafka_operator.settings import Settings, SettingsError

NEEDED = {"BRIDGE_IMAGE": "bridge:1", "OPERATOR_NAMESPACE": "operators", "POD_NAME": "operator-0"}


def test_what_is_left_out_has_a_default() -> None:
    assert Settings.read(NEEDED) == Settings("bridge:1", "operators", "operator-0")


def test_everything_can_be_set() -> None:
    """As the chart does; an empty list of namespaces is all of them."""
    more = {"LEASE_NAME": "mine", "WATCH_NAMESPACES": "a, b", "LOG_LEVEL": "debug"}
    settings = Settings.read(NEEDED | more | {"HTTP_PORT": "9090"})

    assert (settings.lease_name, settings.log_level, settings.http_port) == ("mine", "debug", 9090)
    assert settings.watch_namespaces == ("a", "b")
    assert Settings.read(NEEDED | {"WATCH_NAMESPACES": ""}).watch_namespaces == ()


def test_what_is_missing_is_told_all_at_once() -> None:
    with pytest.raises(SettingsError, match="BRIDGE_IMAGE, POD_NAME"):
        Settings.read({"OPERATOR_NAMESPACE": "operators"})


def test_a_port_that_is_none_is_told_with_its_cure() -> None:
    with pytest.raises(SettingsError, match="HTTP_PORT is 'x'; write a number"):
        Settings.read(NEEDED | {"HTTP_PORT": "x"})
