"""MQTT topic filters with named levels: what a mapping subscribes to, and what it calls the parts.

`{x}` is a named `+`, `{x...}` a named `#`. The rules are those of MQTT 5, chapter 4.7.
"""

import re
from dataclasses import dataclass

from mqtt_kafka_bridge.contract.grammar import (
    LEVEL_NAME,
    MANY,
    MQTT_STRING_BYTES,
    GrammarError,
    fits_mqtt,
    unescaped,
)
from mqtt_kafka_bridge.contract.templates import Parts, Source

_NAMED = re.compile(r"\{([^{}]*)\}")
_KEY = "key"

Levels = tuple[str | None, ...]
"""Values of a filter's names, in order; None where `{x...}` matched not even one empty level."""


@dataclass(frozen=True, slots=True)
class TopicFilter:
    """A filter that has been read."""

    text: str
    """As written, with names."""
    mqtt: str
    """As it is sent in SUBSCRIBE."""
    names: tuple[str, ...]
    """Names of levels in order, as templates spell them: `x`, or `x...` for the last."""
    pattern: re.Pattern[str]

    def match(self, topic: str) -> Levels | None:
        """Return what the names stand for in a topic, or None if the filter does not match it."""
        found = self.pattern.fullmatch(topic)
        return found.groups() if found else None


def parse_filter(text: str) -> TopicFilter:
    """Read a filter.

    Raises:
        GrammarError: it breaks a rule of MQTT, or a name is spelled wrongly or used twice.
    """
    _check_string(text)
    written = text.split("/")
    levels = [_level(level, last=n == len(written)) for n, level in enumerate(written, 1)]
    names = tuple(name for _, name in levels if name)
    for name in names:
        if names.count(name) > 1 or name + MANY in names:
            raise GrammarError(
                f"the name {{{name}}} is used twice", "give each level a name of its own"
            )
    mqtt = "/".join(level for level, _ in levels)
    if len(mqtt.encode()) > MQTT_STRING_BYTES:
        raise GrammarError("is longer than 65535 bytes", "MQTT can't carry it; shorten it")
    return TopicFilter(text, mqtt, names, re.compile(_pattern(levels), re.DOTALL))


def _check_string(text: str) -> None:
    if not text:
        raise GrammarError("is empty", "write a filter such as plant/{line}/+/telemetry")
    if not fits_mqtt(text):
        raise GrammarError(
            f"{text!r} has a control character or one that is no character",
            "brokers refuse such filters; remove it",
        )
    if text == "$share" or text.startswith("$share/"):
        raise GrammarError(
            "is a shared subscription",
            "write the filter behind $share/<group>/ alone; with ordering: None the bridge shares "
            "it among the mapping's sessions",
        )


def _level(level: str, *, last: bool) -> tuple[str, str | None]:
    """Return a level as MQTT spells it, and its name."""
    if level == "#" and not last:
        raise GrammarError("has # before the end", "# stands for all further levels: put it last")
    if level in {"+", "#"}:
        return level, None
    named = _NAMED.fullmatch(level)
    if named:
        return _named(named[1], last=last)
    if "+" in level or "#" in level:
        raise GrammarError(
            f"has a wildcard inside the level {level!r}",
            "+ and # fill a whole level, as in plant/+/state or plant/#",
        )
    if _NAMED.search(level.replace("{{", "").replace("}}", "")):
        raise GrammarError(
            f"has a name inside the level {level!r}",
            "a name fills a whole level, as in plant/{line}/state",
        )
    return unescaped(level), None


def _named(name: str, *, last: bool) -> tuple[str, str]:
    many = name.endswith(MANY)
    if many and not last:
        raise GrammarError(
            f"has {{{name}}} before the end", "it stands for all further levels: put it last"
        )
    bare = name.removesuffix(MANY)
    if not LEVEL_NAME.fullmatch(bare):
        raise GrammarError(
            f"has the name {{{name}}}",
            "a name is a letter or _, then letters, digits, _ or -, as in {line} or {rest...}",
        )
    if bare == _KEY:
        raise GrammarError(
            "has a level named {key}", "key is a word of templates; choose another name"
        )
    return ("#" if many else "+"), name


def _pattern(levels: list[tuple[str, str | None]]) -> str:
    """Return the regular expression that finds what the names stand for.

    A wildcard at the front does not match topics that begin with `$` [MQTT-4.7.2-1]; `a/#`
    matches `a` too.
    """
    parts = [r"(?!\$)" if levels[0][0] in {"+", "#"} else ""]
    for index, (level, name) in enumerate(levels):
        slash = "/" if index else ""
        if level == "+":
            parts.append(slash + ("([^/]*)" if name else "[^/]*"))
        elif level == "#":
            rest = "(.*)" if name else ".*"
            parts.append(f"(?:/{rest})?" if index else rest)
        else:
            parts.append(slash + re.escape(level))
    return "".join(parts)


def may_match(subscribed: TopicFilter, published: Parts) -> bool:
    """Tell whether some topic of a template for MQTT may match a filter.

    A key or a header may hold any number of levels; every other value fills a part of one.
    """
    levels = [""]
    for part in published:
        if isinstance(part, str):
            first, *further = part.split("/")
            levels[-1] += first
            levels += further
        else:
            levels[-1] += "#" if part.source in {Source.KEY, Source.HEADER} else "+"
    return _meet(tuple(subscribed.mqtt.split("/")), tuple(levels))


def _meet(subscribed: tuple[str, ...], published: tuple[str, ...]) -> bool:
    """Tell whether two lists of levels can be the same; a level with `#` is one or more."""
    if subscribed[:1] == ("#",):
        return True
    if not subscribed or not published:
        return subscribed == published
    if "#" in published[0]:
        return any(
            _meet(subscribed[taken:], published[1:]) for taken in range(1, len(subscribed) + 1)
        )
    if subscribed[0] == "+" or "+" in published[0] or subscribed[0] == published[0]:
        return _meet(subscribed[1:], published[1:])
    return False
