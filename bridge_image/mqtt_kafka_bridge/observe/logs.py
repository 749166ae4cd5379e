"""Logs: one line a happening, never one a message, in one of two formats, for all loggers alike.

`json` writes ECS (Elastic Common Schema), one object a line, with dotted field names: a word
without a dot that a caller passes becomes a label. `console` is for people. Both go to stdout, the
stream that containers are expected to log to; stderr is left to the interpreter's own last words.
"""

import json
import logging
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from mqtt_kafka_bridge.contract.config import BridgeConfig

Fields = MutableMapping[str, Any]

_ECS_VERSION = "8.11.0"
_SECRET = re.compile(r"(?i)password|passwd|secret|token|credential|authorization")
_LOUD = ("aiokafka", "aiohttp", "asyncio")
"""Libraries that are held at WARNING, at debug too: aiokafka's debug lines hold credentials."""


def configure(config: BridgeConfig, pod: str, stream: TextIO | None = None) -> None:
    """Set up logging for the whole process, standard-library loggers and warnings included."""
    out = stream or sys.stdout
    level = logging.getLevelNamesMapping()[config.log.level.upper()]
    processors: list[Processor] = [
        RateLimit(),
        _without_secrets,
        structlog.processors.add_log_level,
    ]
    if config.log.format == "json":
        processors += [structlog.processors.format_exc_info, _Ecs(config, pod)]
    else:
        processors += [structlog.processors.TimeStamper("%H:%M:%S", utc=False), _console(out)]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Lines(out),
        # Not worth it without a line a message, and a cached logger outlives a new configuration.
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _Forward):
            root.removeHandler(handler)
    root.addHandler(_Forward())
    root.setLevel(level)
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


def _console(stream: TextIO) -> structlog.dev.ConsoleRenderer:
    # Not rich's tracebacks: they show local variables, and those hold passwords.
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty(),
        sort_keys=False,
        exception_formatter=structlog.dev.plain_traceback,
    )


class RateLimit:
    """Let the first few lines of a kind through, then one every 30 s that counts the suppressed.

    A kind is (event, mapping, reason). Debug lines pass: who asks for them wants all.
    """

    KIND = "_kind"
    """A field that stands for the event, where its text varies; it is not written."""

    def __init__(
        self,
        burst: int = 5,
        seconds: float = 30.0,
        kinds: int = 1000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._seconds, self._kinds, self._now = burst, seconds, kinds, now
        self._states: OrderedDict[tuple[object, ...], tuple[float, float, int]] = OrderedDict()

    def __call__(self, _: object, method: str, fields: Fields) -> Fields:
        """Pass a line on, or drop it."""
        event = fields.pop(self.KIND, fields["event"])
        kind = (event, fields.get("mapping"), fields.get("reason"))
        if method == "debug":
            return fields
        now = self._now()
        allowance, since, suppressed = self._states.pop(kind, (self._burst, now, 0))
        allowance = min(self._burst, allowance + (now - since) / self._seconds)
        passes = allowance >= 1
        self._states[kind] = (allowance - 1, now, 0) if passes else (allowance, now, suppressed + 1)
        if len(self._states) > self._kinds:
            self._states.popitem(last=False)
        if not passes:
            raise structlog.DropEvent
        if suppressed:
            fields["suppressed"] = suppressed
        return fields


def _without_secrets(_: object, __: str, fields: Fields) -> Fields:
    """Blank what is named like a secret; a last guard, for nobody should log one."""
    for name in fields:
        if _SECRET.search(name) and not name.endswith("_file"):
            fields[name] = "[redacted]"
    return fields


class _Ecs:
    """Write a line as ECS."""

    def __init__(self, config: BridgeConfig, pod: str) -> None:
        self._constant = {
            "ecs.version": _ECS_VERSION,
            "service.name": "mqtt-kafka-bridge",
            "service.version": version("mqtt-kafka-operator"),
            "service.node.name": pod,
            "labels.bridge": config.name,
            "labels.namespace": config.namespace,
        }

    def __call__(self, _: object, __: str, fields: Fields) -> str:
        line: dict[str, object] = {
            "@timestamp": datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "log.level": fields.pop("level"),
            "message": fields.pop("event"),
            **self._constant,
        }
        if "exception" in fields:
            line["error.stack_trace"] = fields.pop("exception")
        for name, value in fields.items():
            line[name if "." in name else f"labels.{name}"] = value
        return json.dumps(line, default=str, separators=(",", ":"))


class _Lines:
    """Write whole lines; a stream that is gone must not stop messages."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


class _Forward(logging.Handler):
    """Hand what libraries log to the same processors."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = f"{record.msg} {record.args}"
        # The unexpanded text is what makes two lines of a library the same kind.
        structlog.get_logger().log(
            min(record.levelno // 10 * 10, logging.CRITICAL),
            text,
            exc_info=record.exc_info,
            **{"log.logger": record.name, RateLimit.KIND: record.msg},
        )
