"""MQTT filters with named levels: the rules of MQTT 5, chapter 4.7, and what the names match."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.contract.filters import may_match, parse_filter
from mqtt_kafka_bridge.contract.grammar import GrammarError
from mqtt_kafka_bridge.contract.templates import OUTBOUND_SCOPE, parse_template


@pytest.mark.parametrize(
    ("text", "mqtt", "names"),
    [
        ("plant/{line}/{device}/state", "plant/+/+/state", ("line", "device")),
        ("plant/{rest...}", "plant/#", ("rest...",)),
        ("{all...}", "#", ("all...",)),
        ("+/{x}/#", "+/+/#", ("x",)),
        ("a/b", "a/b", ()),
        ("/", "/", ()),
        ("a/{{x}}", "a/{x}", ()),
        ("$SYS/{what}", "$SYS/+", ("what",)),
        ("a/{_x-1}", "a/+", ("_x-1",)),
    ],
)
def test_named_levels_are_wildcards_to_the_broker(
    text: str, mqtt: str, names: tuple[str, ...]
) -> None:
    read = parse_filter(text)
    assert (read.text, read.mqtt, read.names) == (text, mqtt, names)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("a/\0", "control character"),
        ("a/\ud800", "control character"),
        ("a/\uffff", "control character"),
        ("$share/g/a", "write the filter behind"),
        ("$share", "write the filter behind"),
        ("a/#/b", "# before the end"),
        ("a/b#", "wildcard inside"),
        ("a/b+/c", "wildcard inside"),
        ("a/{x...}/b", "before the end"),
        ("a/b{x}", "fills a whole level"),
        ("a/{x}{y}", "fills a whole level"),
        ("a/{x", "stands alone"),
        ("a/x}", "stands alone"),
        ("a/{}", "a name is a letter"),
        ("a/{...}", "a name is a letter"),
        ("a/{1x}", "a name is a letter"),
        ("a/{x.y}", "a name is a letter"),
        ("{key}/a", "choose another name"),
        ("{x}/{x}", "used twice"),
        ("{x}/{x...}", "used twice"),
        ("a" * 65536, "65535 bytes"),
        ("é" * 32768, "65535 bytes"),
    ],
)
def test_a_filter_that_mqtt_forbids_is_refused_with_a_cure(text: str, says: str) -> None:
    with pytest.raises(GrammarError) as refused:
        parse_filter(text)
    assert says in f"{refused.value.message}; {refused.value.cure}"


@pytest.mark.parametrize(
    ("text", "topic", "levels"),
    [
        ("plant/{line}/state", "plant/a/state", ("a",)),
        ("plant/{line}/state", "plant//state", ("",)),
        ("plant/{line}/state", "plant/a/b/state", None),
        ("plant/{line}/state", "plant/a/state/", None),
        ("plant/{rest...}", "plant/a/b", ("a/b",)),
        ("plant/{rest...}", "plant/", ("",)),
        ("plant/{rest...}", "plant", (None,)),
        ("plant/{rest...}", "plants", None),
        ("plant/#", "plant", ()),
        ("plant/+", "plant", None),
        ("a.b/+", "axb/c", None),
        ("{x}/+", "a/b", ("a",)),
        ("{x...}", "a/b", ("a/b",)),
        ("{x...}", "/", ("/",)),
        ("{x}/b", "a\nc/b", ("a\nc",)),
        ("a/b", "a/b", ()),
        ("a/b", "A/b", None),
    ],
)
def test_a_filter_matches_as_a_broker_does(
    text: str, topic: str, levels: tuple[str | None, ...] | None
) -> None:
    assert parse_filter(text).match(topic) == levels


@pytest.mark.parametrize("text", ["#", "+/state", "{x}/state", "{x...}"])
def test_a_wildcard_at_the_front_does_not_match_topics_of_the_broker(text: str) -> None:
    assert parse_filter(text).match("$SYS/state") is None
    assert parse_filter("$SYS/#").match("$SYS/state") == ()


_LEVEL = st.text(st.characters(exclude_characters="/+#{}", exclude_categories=["Cc", "Cs", "Cn"]))


@settings(deadline=None)
@given(st.lists(_LEVEL, min_size=1), st.data())
def test_what_the_names_matched_is_what_stood_there(topic: list[str], data: st.DataObject) -> None:
    named = data.draw(st.sets(st.integers(0, len(topic) - 1)))
    text = "/".join(f"{{n{i}}}" if i in named else level for i, level in enumerate(topic))
    if not text or topic[0].startswith("$"):
        return
    assert parse_filter(text).match("/".join(topic)) == tuple(topic[i] for i in sorted(named))


@pytest.mark.parametrize(
    ("text", "template", "meets"),
    [
        ("plant/#", "plant/{key}", True),
        ("plant/+/state", "plant/{key}/state", True),
        ("plant/+/state", "plant/{key}/command", False),
        ("plant/a/b/state", "plant/{header.x}/state", True),
        ("plant/{x}", "plant/{kafka.topic}", True),
        ("plant/p3", "plant/p{kafka.partition}", True),
        ("plant/x", "other/x", False),
        ("plant/x/y", "plant/x", False),
        ("plant/x", "plant/x/y", False),
        ("plant/x", "plant/x", True),
        ("plant", "plant/{key}", False),
    ],
)
def test_a_filter_meets_the_topics_that_a_template_may_make(
    text: str, template: str, *, meets: bool
) -> None:
    assert may_match(parse_filter(text), parse_template(template, OUTBOUND_SCOPE)) is meets
