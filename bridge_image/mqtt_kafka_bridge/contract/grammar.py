"""What filters and templates have in common: how a name is spelled, and how a mistake is told."""

import re

LEVEL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""How a level of a filter is named; no dot, so that it can't be taken for `mqtt.topic`."""
MANY = "..."
"""Behind a name: it stands for any number of levels."""
RESERVED_PREFIXES = ("mqtt.", "kafka.", "deadletter.", "bridge.")
"""Of headers that the bridge writes itself."""
MQTT_STRING_BYTES = 65_535
"""Longest string that MQTT can carry, in UTF-8 [MQTT-1.5.4]."""
UNFIT_FOR_MQTT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)
"""What an MQTT string must not hold (NUL, surrogates) and what a broker may close the connection
for: control characters and non-characters [MQTT-1.5.4-1, MQTT-1.5.4-2]."""


def fits_mqtt(text: str) -> bool:
    """Tell whether text is free of characters that an MQTT string should not hold."""
    return (text.isascii() and text.isprintable()) or not UNFIT_FOR_MQTT.search(text)


class GrammarError(ValueError):
    """A filter or a template can't be read; says what is wrong and what to write instead."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(f"{message}; {cure}")
        self.message = message
        self.cure = cure


def unescaped(text: str) -> str:
    """Return literal text with `{{` and `}}` read as single braces.

    Raises:
        GrammarError: a brace stands alone.
    """
    if re.search(r"[{}]", re.sub(r"\{\{|\}\}", "", text)):
        raise GrammarError(
            f"{text!r} has a brace that stands alone",
            "write {name} for a name, {{ and }} for the braces themselves",
        )
    return text.replace("{{", "{").replace("}}", "}")
