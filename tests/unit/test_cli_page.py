"""The page about the command line has every command and every option."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mqtt_kafka_bridge.__main__ import main as bridge
from mqtt_kafka_cli.__main__ import main as cli

PAGE = (Path(__file__).parents[2] / "docs/reference/command-line.md").read_text()


@pytest.mark.parametrize(("program", "main"), [("mqtt-kafka-bridge", bridge), ("mqtt-kafka", cli)])
def test_every_command_and_option_is_on_the_page(
    program: str, main: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: str) -> str:
        with pytest.raises(SystemExit):
            main([*arguments, "--help"])
        return capsys.readouterr().out

    commands = re.findall(r"^    (\w+) ", said(), re.MULTILINE)
    assert commands
    for command in commands:
        assert f"`{program} {command}" in PAGE
        options = set(re.findall(r"(--\w+)", said(command))) - {"--help"}
        assert [option for option in options if option not in PAGE] == []
