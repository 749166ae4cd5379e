"""Templates: text with names in braces, read once and rendered for every message.

    template = { literal | "{" name "}" | "{{" | "}}" } ;
    name = level | level "..." | "mqtt." word | "user." text | "payload." path
         | "key" | "header." text | "kafka." ("topic" | "partition" | "offset") ;

Which names there are depends on the direction, and on the names in the mapping's filter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from mqtt_kafka_bridge.contract.grammar import MANY, GrammarError

MQTT_WORDS = (
    "topic",
    "qos",
    "retain",
    "contentType",
    "responseTopic",
    "correlationData",
    "expiry",
)
"""What can be said of an MQTT message: `{mqtt.topic}`, and the header of the same name."""
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|([^{}]+)|[{}]")


class Source(StrEnum):
    """Where a name's value comes from."""

    LEVEL = "level"
    LEVELS = "levels"
    MQTT = "mqtt"
    USER = "user"
    PAYLOAD = "payload"
    KEY = "key"
    HEADER = "header"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Reference:
    """A name in a template."""

    source: Source
    name: str
    """What follows the prefix: a word, a property, a header, a path; for a level, its name."""
    text: str
    """As written, with its braces."""
    index: int = -1
    """Of a level: its place among the names of the filter."""


Parts = tuple[str | Reference, ...]
"""A template that has been read; no two literals stand beside each other, none is empty."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a template may use."""

    exact: Mapping[str, Reference]
    prefixes: Mapping[str, Source]
    """`user.` and the like: what follows is free text."""

    @property
    def available(self) -> str:
        """The names, as a person reads them."""
        free = [f"{{{prefix}{_FREE[source]}}}" for prefix, source in self.prefixes.items()]
        return ", ".join([*(f"{{{name}}}" for name in self.exact), *free])

    def reference(self, name: str) -> Reference:
        """Return what a name in braces stands for.

        Raises:
            GrammarError: there is no such name here.
        """
        if name in self.exact:
            return self.exact[name]
        prefix, dot, rest = name.partition(".")
        source = self.prefixes.get(prefix + dot)
        if source is None or not rest:
            raise GrammarError(f"has the unknown name {{{name}}}", self._cure(name))
        if source is Source.PAYLOAD and "" in rest.split("."):
            raise GrammarError(
                f"has the path {{{name}}} with an empty step",
                "write steps with single dots between them, as in {payload.sensors.0.id}",
            )
        return Reference(source, rest, f"{{{name}}}")

    def _cure(self, name: str) -> str:
        close = get_close_matches(name, self.exact, n=1)
        meant = f"did you mean {{{close[0]}}}? " if close else ""
        return f"{meant}available: {self.available}"


_FREE = {Source.USER: "NAME", Source.HEADER: "NAME", Source.PAYLOAD: "PATH"}


def _words(prefix: str, source: Source, words: tuple[str, ...]) -> dict[str, Reference]:
    return {prefix + word: Reference(source, word, f"{{{prefix}{word}}}") for word in words}


def inbound_scope(levels: tuple[str, ...]) -> Scope:
    """Return the names for messages from MQTT, given the names in the mapping's filter."""
    named = {
        name: Reference(
            Source.LEVELS if name.endswith(MANY) else Source.LEVEL, name, f"{{{name}}}", index
        )
        for index, name in enumerate(levels)
    }
    return Scope(
        exact=named | _words("mqtt.", Source.MQTT, MQTT_WORDS),
        prefixes={"user.": Source.USER, "payload.": Source.PAYLOAD},
    )


OUTBOUND_SCOPE = Scope(
    exact={"key": Reference(Source.KEY, "key", "{key}")}
    | _words("kafka.", Source.KAFKA, ("topic", "partition", "offset")),
    prefixes={"header.": Source.HEADER, "payload.": Source.PAYLOAD},
)
"""The names for records from Kafka."""


def parse_template(text: str, scope: Scope) -> Parts:
    """Read a template.

    Raises:
        GrammarError: a brace stands alone, or a name is not in the scope.
    """
    parts: list[str | Reference] = []
    for token in _TOKEN.finditer(text):
        part = _part(token, scope)
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        else:
            parts.append(part)
    return tuple(parts)


def _part(token: re.Match[str], scope: Scope) -> str | Reference:
    name, literal = token[1], token[2]
    if literal is not None:
        return literal
    if name is not None:
        return scope.reference(name)
    if token[0] in {"{{", "}}"}:
        return token[0][0]
    raise GrammarError(
        f"has a {token[0]} that stands alone at column {token.start() + 1}",
        "write {name} for a name, {{ and }} for the braces themselves",
    )
