"""The annotation `mqttkafka.dev/resume: <mapping>=<token>[,...]`.

A new token resumes a mapping that `onError: Stop` stopped. It is an annotation and no field, so
that whoever owns the spec in Git need not know of it. A mapping from MQTT is told by its token, for
its sessions are recorded as stopped; one from Kafka goes on when its pod is replaced, which any
edit of the annotation does.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from mqtt_kafka_bridge.contract.mappings import RESUME_TOKEN_PATTERN
from mqtt_kafka_bridge.contract.mistakes import Location, Mistake
from mqtt_kafka_bridge.contract.sentences import PATTERN_CURES
from mqtt_kafka_operator import names
from mqtt_kafka_operator.api.bridge import Bridge

_AT: Location = ("metadata", "annotations", names.RESUME)
_FORM = "write <mapping>=<any new word>, several with a comma between them"


@dataclass(frozen=True, slots=True)
class Resume:
    """What the annotation says."""

    tokens: Mapping[str, str]
    """By mapping; those without a mistake."""
    mistakes: tuple[Mistake, ...]


def read_resume(bridge: Bridge) -> Resume:
    """Read the annotation; without it there are no tokens."""
    text = bridge.annotations.get(names.RESUME)
    if text is None:
        return Resume({}, ())
    tokens: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for part in text.split(","):
        mapping, _, token = (word.strip() for word in part.partition("="))
        found = list(_mistakes(bridge, part.strip(), mapping, token, tokens))
        mistakes += found
        if not found:
            tokens[mapping] = token
    return Resume(tokens, tuple(mistakes))


def _mistakes(
    bridge: Bridge, part: str, mapping: str, token: str, before: Mapping[str, str]
) -> Iterator[Mistake]:
    known = [it.name for it in bridge.spec.mqtt_to_kafka]
    known += [it.name for it in bridge.spec.kafka_to_mqtt]
    if not mapping or not token:
        yield Mistake(_AT, f"has {part!r}, which is no mapping with a token", _FORM)
    elif mapping not in known:
        close = get_close_matches(mapping, known, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        cure = f"{meant}there is {', '.join(known)}" if known else "remove the annotation"
        yield Mistake(_AT, f"names {mapping!r}, which is no mapping", cure)
    elif mapping in before:
        yield Mistake(_AT, f"names {mapping!r} twice", "keep one of the two")
    elif not re.fullmatch(RESUME_TOKEN_PATTERN, token):
        cure = PATTERN_CURES[RESUME_TOKEN_PATTERN]
        yield Mistake(_AT, f"has the token {token!r} for {mapping!r}", cure)
