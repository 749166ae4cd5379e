"""From plain data to a configuration, or to all its mistakes, each with what to write instead."""

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mistakes import ConfigurationError, Mistake
from mqtt_kafka_bridge.contract.reading import read_config
from mqtt_kafka_bridge.contract.sentences import PATTERN_CURES, sentence, shown

SOUND: dict[str, Any] = {
    "version": 1,
    "name": "plant",
    "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
    "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
    "mqttToKafka": [
        {
            "name": "telemetry",
            "from": {"filter": "plant/{line}/{device}/telemetry"},
            "to": {"topic": "plant.telemetry", "key": "{device}"},
        }
    ],
    "kafkaToMqtt": [
        {
            "name": "commands",
            "from": {"topics": ["plant.commands"]},
            "to": {"topic": "plant/{key}/command"},
        }
    ],
}
_ABSENT = object()


def changed(*changes: tuple[str, object]) -> dict[str, Any]:
    """Return the sound configuration with values replaced; a path is spelled as in a mistake."""
    data = deepcopy(SOUND)
    for path, value in changes:
        steps = [
            int(s) if s.isdecimal() else s
            for s in path.replace("[", ".").replace("]", "").split(".")
        ]
        holder: Any = data
        for step in steps[:-1]:
            holder = holder.setdefault(step, {}) if isinstance(holder, dict) else holder[step]
        if value is _ABSENT:
            del holder[steps[-1]]
        else:
            holder[steps[-1]] = value
    return data


def mistakes(*changes: tuple[str, object]) -> list[str]:
    """Return what is said of a configuration, without a file."""
    read = read_config(changed(*changes))
    return [] if isinstance(read, BridgeConfig) else [m.sentence("f") for m in read]


def mistake(path: str, value: object) -> str:
    """Return the one thing that is said when one value is replaced."""
    said = mistakes((path, value))
    assert len(said) == 1, said
    return said[0]


def test_a_sound_configuration_is_one() -> None:
    assert read_config(SOUND) == BridgeConfig.model_validate(SOUND)


@pytest.mark.parametrize(("data", "says"), [(None, "no keys"), ([], "a list"), ("x", '"x"')])
def test_a_file_must_hold_keys(data: object, says: str) -> None:
    read = read_config(data)
    assert isinstance(read, list)
    assert read[0].sentence("f") == f"f: the file holds {says}; begin with the key version: 1"


@pytest.mark.parametrize("version", [2, "1", 0, True, None])
def test_of_another_version_nothing_else_is_said(version: object) -> None:
    said = mistakes(("version", version), ("new", 1))
    assert len(said) == 1
    assert said[0].startswith(f"f: version: is {shown(version)}, which this bridge does not")
    assert said[0].endswith("write 1, the only version so far")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("version", _ABSENT, "f: version: is missing; add version: 1"),
        ("name", _ABSENT, 'f: name: is missing; add name: "plant"'),
        ("mqtt", _ABSENT, 'f: mqtt: is missing; add mqtt: {"servers": ["mqtt://broker:1883"]}'),
        ("mqtt", None, 'mqtt: is empty; write mqtt: {"servers": ["mqtt://broker:1883"]}'),
        ("mqtt.servers", "x", 'is "x"; write servers: ["mqtt://broker:1883"]'),
        ("mqtt.servers[0]", "x", 'mqtt.servers[0]: is "x"; write mqtt://host:1883, or mqtts://'),
        ("mqtt.servers", [], "is 0 entries long; write at least 1"),
        ("mqtt.servers", ["mqtt://h"] * 17, "is 17 entries long; write at most 16"),
        ("mqtt.servers[0]", {}, "is a block of keys; write text"),
        ("mqtt.receiveMaximum", 0, "is 0; write 1 or more"),
        ("mqtt.receiveMaximum", 70000, "is 70000; write 65535 or less"),
        ("mqtt.receiveMaximum", "many", 'is "many"; write a whole number'),
        ("mqtt.receiveMaximum", [], "is a list; write a whole number"),
        ("mqtt.keepAlive", 30, "is 30, no duration; write a number and a unit"),
        ("mqtt.authentication.password", "x", None),
        ("kafka.bootstrapServers[0]", "kafka", 'is "kafka"; write host:port, such as kafka:9092'),
        ("kafka.consumer.groupPrefix", "a b", 'is "a b"; write letters, digits'),
        ("name", "Plant", 'is "Plant"; write lower-case letters'),
        ("name", 1, "name: is 1; write text; in quotes"),
        ("name", "a" * 64, "is 64 characters long; write at most 63 characters"),
        ("name", "", "write at least 1 character(s)"),
        ("pod", "a b", "write letters, digits"),
        ("loopGuard", "maybe", 'is "maybe"; write true or false'),
        ("loopGuard", [], "is a list; write true or false"),
        ("log.level", "loud", "is \"loud\"; write 'debug', 'info', 'warning' or 'error'"),
        ("mqttToKafka", {}, "is a block of keys; write a list"),
        ("mqttToKafka[0]", "x", 'mqttToKafka[0]: is "x"; write keys with their values'),
        ("mqttToKafka[0].to.headers", [], "write keys with their values"),
        ("mqttToKafka[0].to.headers", {"": "x"}, "write at least 1 character(s)"),
        ("mqttToKafka[0].to.headers", {"x": 1}, "to.headers.x: is 1; write text"),
        ("mqttToKafka[0].from.qos", 2, "from.qos: is 2; write 0 or 1"),
        ("kafkaToMqtt[0].from.topics[0]", "a b", "Kafka takes letters"),
        ("deadLetter.topic", ".", "is '.', which Kafka does not take; choose another topic"),
        ("kafka.coordination.type", None, "type: is empty; write 'Kafka' or 'None'"),
        ("kafka.coordination.replicationFactor", 0, "replicationFactor: is 0; write 1 or more"),
        (
            "kafka.coordination",
            {"type": "None", "topic": "a"},
            "kafka.coordination: has topic, which type None does not use; remove topic, or write",
        ),
        ("mqttToKafka[0].sessions", 65, "sessions: is 65; write 64 or less"),
        ("mqttToKafka[0].resumeToken", "a b", 'is "a b"; write letters, digits and any of'),
    ],
)
def test_a_wrong_value_is_told_with_what_to_write_instead(
    path: str, value: object, says: str | None
) -> None:
    said = mistakes((path, value))
    assert said
    if says is not None:
        assert any(says in one for one in said), said


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("loopGard", "did you mean loopGuard? known here: version, name"),
        ("loop_guard", "did you mean loopGuard?"),
        ("mqtt.server", "did you mean servers?"),
        ("zzz", "is an unknown key; known here: version, name"),
        ("mqttToKafka[0].from.retain", "did you mean retained?"),
        ("kafka.tls.caFile", "known here: trustedCertificateFiles, serverName"),
    ],
)
def test_an_unknown_key_is_told_with_those_that_are_known(path: str, says: str) -> None:
    assert says in mistake(path, "x")


def test_a_key_under_an_unknown_key_is_not_told_apart() -> None:
    assert len(mistakes(("new", {"a": {"b": 1}}))) == 1


def test_everything_is_said_at_once_whatever_kind_it_is() -> None:
    said = mistakes(
        ("name", "Plant"),
        ("new", 1),
        ("mqttToKafka[0].from.qos", 2),
        ("mqttToKafka[0].from.filter", "a/#/b"),
        ("mqttToKafka[0].to.key", "{nope}"),
        ("kafkaToMqtt[0].name", "telemetry"),
        ("kafkaToMqtt[0].from.topics", ["a b", "c"]),
        ("kafkaToMqtt[0].to.topic", "a/+"),
    )
    assert [one.split(": ")[1] for one in said] == [
        "name",
        "mqttToKafka[0].from.qos",
        "kafkaToMqtt[0].from.topics[0]",
        "new",
        "kafkaToMqtt[0].name",
        "mqttToKafka[0].from.filter",
        "mqttToKafka[0].to.key",
        "kafkaToMqtt[0].to.topic",
    ]


@pytest.mark.parametrize(
    ("kafka", "told"),
    [
        ({}, True),
        ({"coordination": {"type": "None"}}, False),
        ({"coordination": {"topic": "x"}}, False),
        ({"coordination": {"type": "?"}}, True),
        ({"bootstrapServers": None}, False),
    ],
)
def test_the_coordination_topic_is_known_as_far_as_that_part_is_sound(
    kafka: dict[str, Any], *, told: bool
) -> None:
    said = mistakes(
        ("new", 1),
        ("kafka", SOUND["kafka"] | kafka),
        ("mqttToKafka[0].to.topic", "mqttkafka.local.plant.sessions"),
    )
    assert any("the coordination topic" in one for one in said) is told


def test_a_mapping_that_is_no_mapping_hides_no_mistake_of_the_next() -> None:
    data = changed(("mqttToKafka[0].to.key", "{nope}"))
    data["mqttToKafka"].insert(0, "x")
    read = read_config(data)
    assert isinstance(read, list)
    assert [m.path for m in read] == ["mqttToKafka[0]", "mqttToKafka[1].to.key"]


def test_every_pattern_of_the_contract_has_a_cure() -> None:
    found = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            found.update([node["pattern"]] if isinstance(node.get("pattern"), str) else [])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(BridgeConfig.model_json_schema())
    assert found == set(PATTERN_CURES)


def test_an_error_of_a_kind_that_nobody_foresaw_is_told_in_pydantics_words() -> None:
    said = sentence(
        {"type": "finite_number", "loc": ("x",), "msg": "Input should be finite", "input": 1.5}
    )
    assert said == Mistake(("x",), "is 1.5", "Input should be finite")


def test_a_long_value_is_shown_shortened() -> None:
    assert len(shown("x" * 1000)) == 80
    assert shown(object()).startswith('"<object')


def test_all_mistakes_stand_in_the_error() -> None:
    error = ConfigurationError(
        "f", [Mistake(("a", 0), "is x", "write y", 3), Mistake((), "b", "c")]
    )
    assert str(error) == "f:3: a[0]: is x; write y\nf: b; c"
    assert len(error.mistakes) == 2


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "from", "to", "topic", "filter", "x"]), inner)
    ),
    max_leaves=10,
)
_PATHS = [
    "name", "mqtt", "mqtt.servers", "mqtt.servers[0]", "kafka", "mqttToKafka", "mqttToKafka[0]",
    "mqttToKafka[0].from", "mqttToKafka[0].from.filter", "mqttToKafka[0].to",
    "mqttToKafka[0].to.topic", "mqttToKafka[0].to.headers", "kafkaToMqtt", "kafkaToMqtt[0]",
    "kafkaToMqtt[0].from.topics", "kafkaToMqtt[0].to.topic", "deadLetter", "loopGuard", "http", "x",
]  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(_PATHS), _JSON, st.sampled_from(_PATHS), _JSON)
def test_whatever_stands_in_a_file_is_read_or_told(
    path: str, value: object, other: str, another: object
) -> None:
    apart = not path.startswith(other) and not other.startswith(path)
    data = changed((path, value), *([(other, another)] if apart else []))
    before = json.dumps(data)
    read = read_config(data)
    assert json.dumps(data) == before
    assert isinstance(read, BridgeConfig) or all(m.message and m.cure for m in read)
