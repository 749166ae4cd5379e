"""Templates: their grammar, and which names they may use."""

import pytest

from mqtt_kafka_bridge.contract.grammar import GrammarError
from mqtt_kafka_bridge.contract.templates import (
    OUTBOUND_SCOPE,
    Parts,
    Source,
    inbound_scope,
    parse_template,
)

INBOUND = inbound_scope(("line", "rest..."))


def _read(parts: Parts) -> list[str | tuple[Source, str]]:
    return [part if isinstance(part, str) else (part.source, part.name) for part in parts]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plant.telemetry", ["plant.telemetry"]),
        ("a{{b}}c", ["a{b}c"]),
        ("{{{line}}}", ["{", (Source.LEVEL, "line"), "}"]),
        ("p.{line}.{rest...}", ["p.", (Source.LEVEL, "line"), ".", (Source.LEVELS, "rest...")]),
        ("{mqtt.contentType}", [(Source.MQTT, "contentType")]),
        ("{user.a b.c}", [(Source.USER, "a b.c")]),
        ("{payload.a.0.b}", [(Source.PAYLOAD, "a.0.b")]),
    ],
)
def test_a_template_from_mqtt_is_read(text: str, parts: list[object]) -> None:
    assert _read(parse_template(text, INBOUND)) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{key}", [(Source.KEY, "key")]),
        ("{header.x-y}", [(Source.HEADER, "x-y")]),
        ("{kafka.offset}", [(Source.KAFKA, "offset")]),
        ("a/{payload.id}", ["a/", (Source.PAYLOAD, "id")]),
    ],
)
def test_a_template_from_kafka_is_read(text: str, parts: list[object]) -> None:
    assert _read(parse_template(text, OUTBOUND_SCOPE)) == parts


@pytest.mark.parametrize("text", ["a{", "a}", "{a{b}", "{line}}"])
def test_a_brace_that_stands_alone_is_refused(text: str) -> None:
    with pytest.raises(GrammarError, match="stands alone at column"):
        parse_template(text, INBOUND)


@pytest.mark.parametrize(
    "name",
    ["", "...", "lines", "line...", "rest", "key", "header.x", "kafka.topic", "mqtt.user", "mqtt.",
     "user.", "user", "payload", "payload."],
)  # fmt: skip
def test_a_name_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(GrammarError) as refused:
        parse_template(f"{{{name}}}", INBOUND)
    assert f"unknown name {{{name}}}" in refused.value.message
    assert "{line}, {rest...}, {mqtt.topic}" in refused.value.cure
    assert refused.value.cure.endswith("{user.NAME}, {payload.PATH}")


def test_a_name_that_is_nearly_there_is_proposed() -> None:
    with pytest.raises(GrammarError, match=r"did you mean \{line\}\? available"):
        parse_template("{lin}", INBOUND)


@pytest.mark.parametrize("name", ["mqtt.topic", "user.x", "line"])
def test_names_of_mqtt_are_refused_for_records(name: str) -> None:
    with pytest.raises(GrammarError, match=r"available: \{key\}, \{kafka.topic\}"):
        parse_template(f"{{{name}}}", OUTBOUND_SCOPE)


@pytest.mark.parametrize("path", ["a..b", ".a", "a."])
def test_a_payload_path_has_no_empty_step(path: str) -> None:
    with pytest.raises(GrammarError, match="empty step"):
        parse_template(f"{{payload.{path}}}", INBOUND)
