"""Values of JSON payloads, as text and as they stand there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqtt_kafka_bridge.errors import RefusedError
from mqtt_kafka_bridge.mapping.payload import Payload


@pytest.mark.parametrize(
    "number",
    ["1", "1.0", "1e3", "-0", "0", "0.10", "1E+2", "-7", "123456789012345678901234567890", "1.50"],
)
def test_a_number_is_text_as_it_stands(number: str) -> None:
    payload = Payload(b'{"a": {"b": [0, %s]}}' % number.encode())
    for _ in range(2):
        assert payload.text(("a", "b", "1"), "{payload.a.b.1}") == number


@settings(deadline=None)
@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,2})?", fullmatch=True)
)
def test_every_number_is_text_as_it_stands(number: str) -> None:
    assert Payload(number.encode()).text((), "{payload}") == number


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        (b'{"a": "x"}', "a", "x"),
        (b'{"a": true, "b": false}', "b", "false"),
        (b"[[1], true]", "1", "true"),
        (b'{"0": "key"}', "0", "key"),
        ('{"ä": "ö"}'.encode(), "ä", "ö"),
        (b'{"a": ""}', "a", ""),
    ],
)
def test_a_scalar_is_found_by_its_path(data: bytes, path: str, expected: str) -> None:
    assert Payload(data).text(tuple(path.split(".")), f"{{payload.{path}}}") == expected


@pytest.mark.parametrize(
    ("data", "path", "reason"),
    [
        (b'{"a": null}', "a", "MissingValue"),
        (b'{"a": 1}', "b", "MissingValue"),
        (b'{"a": 1}', "a.b", "MissingValue"),
        (b"[1]", "1", "MissingValue"),
        (b"[1]", "-1", "MissingValue"),
        (b"[1]", "99999999999", "MissingValue"),
        (b"[1]", "²", "MissingValue"),
        (b'{"a": {}}', "a", "NotScalar"),
        (b'{"a": []}', "a", "NotScalar"),
        (b"", "a", "BadJson"),
        (None, "a", "BadJson"),
        (b"{", "a", "BadJson"),
        (b'{"a": NaN}', "a", "BadJson"),
        (b'{"a": "\xff"}', "a", "BadJson"),
        (b'{"a": "\\ud800"}', "a", "BadJson"),
        (b"[" * 100_000, "0", "BadJson"),
        (b'{"a": 1.0, "b": %s}' % (b"[" * 1000 + b"]" * 1000), "a", "BadJson"),
    ],
)
def test_what_is_no_scalar_is_refused_with_its_reason(
    data: bytes | None, path: str, reason: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        Payload(data).text(tuple(path.split(".")), f"{{payload.{path}}}")
    assert refused.value.reason == reason
