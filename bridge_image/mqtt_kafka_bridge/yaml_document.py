"""Text in YAML or JSON as plain data that knows its lines; used for the configuration file.

It is read as YAML 1.2 has it: only `true` and `false` are truth values, so that a mapping may be
named `no` or `on`. A key that is written twice is a mistake, not a silent choice.
"""

import json
import re
from typing import Any

import yaml

from mqtt_kafka_bridge.contract.mistakes import Location, Mistake

_TAG = "tag:yaml.org,2002:"


class DocumentError(Exception):
    """The text is neither YAML nor JSON."""

    def __init__(self, message: str, cure: str, line: int | None = None) -> None:
        super().__init__(f"{message}; {cure}")
        self.mistake = Mistake((), message, cure, line)


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars by the core schema of YAML 1.2, and nothing else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the parent has it


for _word, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]{1,40}", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _Loader.add_implicit_resolver(_TAG + _word, re.compile(rf"^(?:{_pattern})$"), _first)


class Document:
    """A text that has been parsed."""

    def __init__(self, root: yaml.Node | None) -> None:
        self._root = root
        self._built: dict[int, object] = {}
        self._under_way: set[int] = set()
        self.mistakes: list[Mistake] = []
        """Keys that are written twice, and values that plain data can't hold."""
        self.data = None if root is None else self._build(root, ())

    @classmethod
    def parse(cls, content: bytes) -> "Document":
        """Parse YAML or JSON.

        Raises:
            DocumentError: it is neither.
        """
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise DocumentError("is not UTF-8", "save the file as UTF-8", line) from error
        if _is_json(text):
            text = text.replace("\t", " ")  # JSON may be indented with tabs, YAML may not
        try:
            return cls(yaml.compose(text, Loader=_Loader))
        except yaml.MarkedYAMLError as error:
            raise _syntax_error(error) from error
        except yaml.reader.ReaderError as error:
            line = text[: error.position].count("\n") + 1
            message = f"holds the character {error.character!r}, which YAML forbids"
            raise DocumentError(message, "remove it", line) from error
        except RecursionError as error:
            raise DocumentError("is nested too deeply", "write fewer levels") from error

    def line(self, at: Location) -> int | None:
        """Return the line, from 1, of a value or of the nearest thing that holds it."""
        node = self._root
        line = None
        for step in at:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        if line is None and self._root is not None:
            line = self._root.start_mark.line + 1
        return line

    def _build(self, node: yaml.Node, at: Location) -> object:
        """Return a node as plain data; what an alias names is built once."""
        known = id(node)
        if known in self._under_way:
            self._mistake(at, node, "holds itself", "write it out")
            return None
        if known not in self._built:
            self._under_way.add(known)
            self._built[known] = self._plain(node, at)
            self._under_way.remove(known)
        return self._built[known]

    def _plain(self, node: yaml.Node, at: Location) -> object:
        if node.value == "" and node.tag == _TAG + "null":
            # Silence might mean "the defaults" or "nothing": for `tls:` that is plain text or not.
            self._mistake(at, node, "is empty", "write a value ({} for defaults), or remove it")
            return None
        match node:
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                return self._mapping(node, at)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                return [self._build(child, (*at, i)) for i, child in enumerate(node.value)]
            case yaml.ScalarNode() if node.tag.removeprefix(_TAG) in _SCALARS:
                return _SCALARS[node.tag.removeprefix(_TAG)](node.value)
        self._mistake(at, node, f"has the tag {node.tag}", "write it without a tag")
        return None

    def _mapping(self, node: yaml.MappingNode, at: Location) -> dict[str, object]:
        lines: dict[str, int] = {}
        data: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._mistake(at, key, "has a key that is no plain text", "write a word as key")
                continue
            name = _text(key.value)
            if name in lines:
                message = f"is written twice, in line {lines[name]} and here"
                self._mistake((*at, name), key, message, "keep one of the two")
                continue
            lines[name] = key.start_mark.line + 1
            data[name] = self._build(value, (*at, name))
        return data

    def _mistake(self, at: Location, node: yaml.Node, message: str, cure: str) -> None:
        self.mistakes.append(Mistake(at, message, cure, node.start_mark.line + 1))


def _text(value: str) -> str:
    """Join surrogates that JSON escapes one by one; a lone one becomes a question mark."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_SCALARS: dict[str, Any] = {
    "str": _text,
    "null": lambda _: None,
    "bool": lambda value: value.lower() == "true",
    "int": int,
    "float": float,
}


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        if isinstance(key, yaml.ScalarNode) and key.value == step:
            return key.start_mark.line + 1, value
    return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _syntax_error(error: yaml.MarkedYAMLError) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "can't be understood"
    cure = "check indentation, colons and quotes here and in the line above"
    if "'\\t'" in problem:
        cure = "indent with spaces, not with tabs"
    elif "single document" in str(error.context):
        cure = "write one document: remove the line ---"
    column = f" at column {mark.column + 1}" if mark else ""
    return DocumentError(
        f"is neither YAML nor JSON{column}: {problem}", cure, mark.line + 1 if mark else None
    )
