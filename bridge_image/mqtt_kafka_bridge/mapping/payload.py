"""Values inside a JSON payload, as text and just as they stand there."""

import json

import orjson

from mqtt_kafka_bridge.errors import RefusedError

_ABSENT = object()


class Payload:
    """A JSON payload, read when the first value is asked for.

    Numbers must come out as they stand (`1.0`, `1e3`), which a parser that makes floats of them
    can't do. So the quick parser serves for text, for truth values, and for whole numbers, whose
    digits are unique; for any other number the payload is read again with numbers kept as text.
    """

    __slots__ = ("_data", "_document", "_exact")

    def __init__(self, data: bytes | None) -> None:
        self._data = data
        self._document: object = _ABSENT
        self._exact: object = _ABSENT

    def text(self, path: tuple[str, ...], reference: str) -> str:
        """Return a scalar as text.

        Args:
            path: keys and list indexes from the top.
            reference: how the template calls it, for the error.

        Raises:
            RefusedError: BadJson, MissingValue or NotScalar.
        """
        if self._document is _ABSENT:
            self._document = self._read()
        value = _find(self._document, path, reference)
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int) and value:
            return str(value)
        if isinstance(value, int | float):  # 0 may be written -0
            return str(_find(self._read_exactly(), path, reference))
        if value is None:
            raise RefusedError("MissingValue", f"{reference} is null in the payload")
        kind = "an object" if isinstance(value, dict) else "a list"
        raise RefusedError("NotScalar", f"{reference} is {kind}, not a single value")

    def _read(self) -> object:
        if not self._data:
            raise RefusedError("BadJson", "the payload is empty, but the mapping reads it as JSON")
        try:
            return orjson.loads(self._data)
        except orjson.JSONDecodeError as error:
            raise RefusedError("BadJson", f"the payload is no JSON: {error}") from error

    def _read_exactly(self) -> object:
        if self._exact is _ABSENT:
            try:
                self._exact = json.loads(self._data or b"", parse_float=str, parse_int=str)
            except RecursionError as error:
                raise RefusedError("BadJson", "the payload's JSON is nested too deeply") from error
        return self._exact


def _find(document: object, path: tuple[str, ...], reference: str) -> object:
    value = document
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and _is_index(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            raise RefusedError("MissingValue", f"the payload has no {reference}")
    return value


def _is_index(step: str) -> bool:
    return step.isascii() and step.isdecimal() and len(step) < 10  # noqa: PLR2004 - fits a list
