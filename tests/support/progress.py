"""Say what is being started and how long it took, past pytest's capture: some things take long."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tools.components.programs import MissingComponentError


@contextmanager
def starting(config: pytest.Config, what: str) -> Iterator[None]:
    """Show a line, and complete it with the time; a component that can't be had fails the test."""
    began = time.monotonic()
    _say(config, f"starting {what} ...", begin=True)
    try:
        with failing_if_missing(what):
            yield
    except BaseException:
        _say(config, " failed\n")
        raise
    _say(config, f" {time.monotonic() - began:.1f} s\n")


@contextmanager
def failing_if_missing(what: str) -> Iterator[None]:
    """Let a test whose component can't be had fail (never skip), with what to do about it."""
    try:
        yield
    except MissingComponentError as error:
        text = f"{what} can't be had: {error}"
    else:
        return
    pytest.fail(text, pytrace=False)


def _say(config: pytest.Config, text: str, *, begin: bool = False) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capture is None:
        return
    with capture.global_and_fixture_disabled():
        if begin:
            reporter.ensure_newline()
        reporter.write(text, flush=True)
