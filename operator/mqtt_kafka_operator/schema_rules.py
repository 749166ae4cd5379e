"""What the rules and patterns of a CRD may be made of, checked when the CRD is generated."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

FUNCTIONS = frozenset(
    {"all", "duration", "exists", "exists_one", "filter", "has", "map", "matches", "size"}
)
"""What a rule may call, so that it can be evaluated without an API server."""
_KEYS = ("rule", "message", "fieldPath")
_LONGEST_MESSAGE = 2048
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'")
_CALL = re.compile(r"([A-Za-z_]+)\(")
_PATTERN = re.compile(rf"\.matches\(({_TEXT.pattern})\)")
_NOT_RE2 = re.compile(r"\(\?[=!<P]|\\[1-9]")
_UNALIKE = re.compile(r"\\[dDwWsSbBAzZ]")


class NotStructuralError(Exception):
    """A model has something that a CRD can't say, or that would not be checked; says where."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(f"{at}: {message}")


def checked_pattern(pattern: str, at: str) -> str:
    """Return a pattern that means the same to RE2 and to those who check offline.

    Raises:
        NotStructuralError: it does not, or not the whole value is meant.
    """
    if found := _NOT_RE2.search(pattern):
        raise NotStructuralError(at, f"has {found[0]!r} in a pattern, which RE2 does not know")
    if found := _UNALIKE.search(pattern):
        message = f"has {found[0]!r} in a pattern, which is ASCII to some and Unicode to others"
        raise NotStructuralError(at, message)
    re.compile(pattern)
    return pattern


def checked_rules(
    rules: Sequence[Mapping[str, str]], schema: Mapping[str, Any], at: str
) -> list[Mapping[str, str]]:
    """Return rules that an API server takes, and that can be checked without one.

    Raises:
        NotStructuralError: a rule calls what is not agreed, names no cure, or blames no field.
    """
    for rule in rules:
        text, message = rule["rule"], rule["message"]
        for pattern in _PATTERN.findall(text):
            checked_pattern(pattern[1:-1].replace("\\\\", "\\"), at)
        if strange := set(_CALL.findall(_TEXT.sub("''", text))) - FUNCTIONS:
            raise NotStructuralError(at, f"calls {', '.join(sorted(strange))} in a rule")
        wrong, _, cure = message.partition("; ")
        if not (wrong and cure) or "\n" in message or len(message) > _LONGEST_MESSAGE:
            raise NotStructuralError(at, f"says {message!r}; say what is wrong; what to write")
        _find(rule.get("fieldPath", ""), schema, at)
    return [{key: rule[key] for key in _KEYS if key in rule} for rule in rules]


def _find(path: str, schema: Mapping[str, Any], at: str) -> None:
    for name in path.split(".")[1:]:
        if name not in schema.get("properties", {}):
            raise NotStructuralError(at, f"blames {path}, which is no field of it")
        schema = schema["properties"][name]
