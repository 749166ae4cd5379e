"""MQTT levels inside Kafka topic names: an escaping that can be undone.

In a level every byte outside `[A-Za-z0-9-]` becomes `_XX`, upper-case hex of UTF-8, and an empty
level becomes `_`. The `/` between levels becomes `.`, which no escaped level holds.
"""

import re
from collections.abc import Collection

from mqtt_kafka_bridge.errors import RefusedError

_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")
_ESCAPES = [chr(byte) if byte in _KEPT else f"_{byte:02X}" for byte in range(256)]
_PLAIN = re.compile(rb"[A-Za-z0-9-]+")
_ESCAPED = re.compile(r"(?:[A-Za-z0-9-]|_[0-9A-F]{2})+")
_LONGEST = 249


def escape_level(level: bytes) -> str:
    """Return one level as part of a Kafka topic name."""
    if _PLAIN.fullmatch(level):
        return level.decode("ascii")
    return "".join([_ESCAPES[byte] for byte in level]) or "_"


def escape_levels(levels: bytes) -> str:
    """Return levels with `/` between them as part of a Kafka topic name."""
    return ".".join([escape_level(level) for level in levels.split(b"/")])


def unescape_level(text: str) -> str:
    """Return the level that became this part of a Kafka topic name.

    Raises:
        ValueError: it is not the escaped form of a level.
    """
    if text == "_":
        return ""
    if not _ESCAPED.fullmatch(text):
        raise ValueError(f"{text!r} is no escaped MQTT level")
    data = re.sub(r"_(..)", lambda found: chr(int(found[1], 16)), text).encode("latin-1")
    return data.decode()


def unescape_levels(text: str) -> str:
    """Return the levels, with `/` between them, that became this part of a Kafka topic name.

    Raises:
        ValueError: it is not the escaped form of levels.
    """
    return "/".join([unescape_level(level) for level in text.split(".")])


def checked(topic: str, own_topics: Collection[str] = ()) -> str:
    """Return a topic name that Kafka takes, and that a message may name.

    Raises:
        RefusedError: BadTopicName: it is empty, `.`, `..`, longer than 249 characters, or one that
            the bridge keeps for itself: who may publish to it could tell pods what to run.
    """
    if topic in own_topics:
        raise RefusedError("BadTopicName", f"the Kafka topic would be the bridge's own {topic}")
    if topic in {"", ".", ".."}:
        raise RefusedError("BadTopicName", f"the Kafka topic would be {topic!r}")
    if len(topic) > _LONGEST:
        raise RefusedError(
            "BadTopicName",
            f"the Kafka topic would have {len(topic)} characters, {topic[:40]}...; Kafka takes 249",
        )
    return topic
