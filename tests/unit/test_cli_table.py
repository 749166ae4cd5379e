"""Plain text for a terminal and for a pipe."""

import pytest

from mqtt_kafka_cli.table import Column, duration, paragraph, table

COLUMNS = [Column("NAME"), Column("COUNT", right=True), Column("STATE")]
ROWS = [["a", "1,000", "Forwarding"], ["longer-name", "2", "-"]]


def test_columns_are_aligned_and_no_line_ends_with_blanks() -> None:
    assert list(table(COLUMNS, ROWS, None)) == [
        "NAME         COUNT  STATE",
        "a            1,000  Forwarding",
        "longer-name      2  -",
    ]


def test_lines_are_cut_where_a_terminal_ends() -> None:
    lines = list(table(COLUMNS, ROWS, 24))
    assert lines[1] == "a            1,000  For…"
    assert [len(line) <= 24 for line in lines] == [True] * 3


def test_a_text_is_wrapped_in_a_terminal_only() -> None:
    text = "a rather-long sentence about https://a.b/c"
    assert list(paragraph(text, None)) == [text]
    assert list(paragraph(text, 20)) == ["a rather-long", "  sentence about", "  https://a.b/c"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (60, "1m"),
        (61, "1m1s"),
        (3600, "1h"),
        (7384, "2h3m"),
        (86_400 * 12 + 3600 * 4, "12d4h"),
        (86_401, "1d"),
    ],
)
def test_durations_are_told_in_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
