"""What is logged, and what never is."""

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog

from mqtt_kafka_bridge.contract import BridgeConfig
from mqtt_kafka_bridge.observe.logs import RateLimit, configure

log = structlog.get_logger()


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    level = root.level
    yield
    root.handlers[:] = [h for h in root.handlers if type(h).__module__ != configure.__module__]
    root.setLevel(level)
    for name in ("aiokafka", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def start(level: str = "info", form: str = "json") -> io.StringIO:
    """Configure logging into the stream that is returned."""
    config = BridgeConfig.model_validate(
        {
            "version": 1,
            "name": "plant",
            "mqtt": {"servers": ["mqtt://127.0.0.1:1883"]},
            "kafka": {"bootstrapServers": ["127.0.0.1:9092"]},
            "log": {"level": level, "format": form},
        }
    )
    logging.getLogger().handlers.clear()  # pytest's own stumble over wrong arguments
    stream = io.StringIO()
    configure(config, "pod-1", stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Read the lines back."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_ecs_object() -> None:
    """The three first fields first, ours as labels, ECS fields under their own names."""
    stream = start()

    log.info("serving", **{"http.url": "http://127.0.0.1:1"}, mapping="telemetry")

    (line,) = lines(stream)
    assert list(line)[:3] == ["@timestamp", "log.level", "message"]
    assert line["log.level"] == "info"
    assert line["message"] == "serving"
    assert line["http.url"] == "http://127.0.0.1:1"
    assert line["labels.mapping"] == "telemetry"
    assert line["labels.bridge"] == "plant"
    assert line["service.name"] == "mqtt-kafka-bridge"
    assert line["service.node.name"] == "pod-1"
    assert line["ecs.version"]


def test_the_level_is_kept_to() -> None:
    """Less important lines are not written."""
    stream = start("warning")

    log.info("quiet")
    log.warning("loud")

    assert [line["message"] for line in lines(stream)] == ["loud"]


def test_libraries_log_through_the_same_pipeline() -> None:
    """Standard-library loggers and warnings become the same lines."""
    stream = start()

    logging.getLogger("aiokafka.conn").error("no route to %s", "kafka-1")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", UserWarning, stacklevel=1)

    first, second = lines(stream)
    assert first["message"] == "no route to kafka-1"
    assert first["log.logger"] == "aiokafka.conn"
    assert first["log.level"] == "error"
    assert "UserWarning: old" in str(second["message"])


def test_a_library_line_of_an_odd_level_or_with_wrong_arguments_is_no_error() -> None:
    """A log line never raises."""
    stream = start()

    logging.getLogger("x").log(35, "odd")
    logging.getLogger("x").error(*("%d of %d", "one"))

    assert [line["message"] for line in lines(stream)] == ["odd", "%d of %d ('one',)"]


def test_debug_lines_of_kafkas_library_are_never_written() -> None:
    """They hold requests, and a SASL request holds the password."""
    stream = start("debug")

    logging.getLogger("aiokafka.conn").debug("Request 1: hunter2")
    logging.getLogger("aiokafka.conn").info("Request 1: hunter2")
    log.debug("ours")

    assert [line["message"] for line in lines(stream)] == ["ours"]


def test_what_is_named_like_a_secret_is_blanked() -> None:
    """The path of its file is no secret."""
    stream = start()

    log.info("login", password="hunter2", sasl_password="hunter2", password_file="/run/pw")  # noqa: S106 - no secrets

    assert "hunter2" not in stream.getvalue()
    assert lines(stream)[0]["labels.password_file"] == "/run/pw"


def test_the_console_shows_no_local_variables_of_a_failure() -> None:
    """They may hold a password."""
    stream = start(form="console")

    def login(number: str) -> None:
        raise ValueError(len(number))

    try:
        login(str(1234 * 56789))
    except ValueError:
        log.exception("failed", mapping="telemetry")

    text = stream.getvalue()
    assert "failed" in text
    assert "mapping=telemetry" in text
    assert "ValueError: 8" in text
    assert str(1234 * 56789) not in text


def test_a_failure_is_logged_with_its_traceback_in_one_line() -> None:
    """One object, whatever else a caller calls an error."""
    stream = start()

    try:
        int("no")
    except ValueError:
        log.exception("failed", error="text", value=object())

    (line,) = lines(stream)
    assert line["log.level"] == "error"
    assert "ValueError: invalid literal" in str(line["error.stack_trace"])
    assert line["labels.error"] == "text"


def test_a_stream_that_is_gone_stops_nothing() -> None:
    """Whoever read our output may have died."""
    stream = start()
    stream.close()

    log.info("into the void")


def test_configuring_again_replaces_what_was() -> None:
    """Module loggers that were used before follow the new configuration."""
    first = start()
    log.info("one")

    second = start("warning")
    log.info("two")
    logging.getLogger("x").warning("three")

    assert [line["message"] for line in lines(first)] == ["one"]
    assert [line["message"] for line in lines(second)] == ["three"]


class Clock:
    """A clock that stands until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        """Say what time it is."""
        return self.now


def passes(
    limit: RateLimit, event: str = "link down", **fields: object
) -> dict[str, object] | None:
    """Send one line; None when it was held back."""
    try:
        return dict(limit(None, "warning", {"event": event, **fields}))
    except structlog.DropEvent:
        return None


def test_a_storm_becomes_a_few_lines_and_then_one_every_thirty_seconds() -> None:
    """With the number of those held back."""
    clock = Clock()
    limit = RateLimit(now=clock)

    assert [passes(limit) is not None for _ in range(100)] == [True] * 5 + [False] * 95
    clock.now = 29.0
    assert passes(limit) is None
    clock.now = 30.0
    assert passes(limit) == {"event": "link down", "suppressed": 96}
    assert passes(limit) is None
    clock.now = 1000.0
    assert [passes(limit) is not None for _ in range(6)] == [True] * 5 + [False]


def test_one_kind_of_line_does_not_hold_back_another() -> None:
    """Kinds are told apart by event, mapping and reason."""
    limit = RateLimit(burst=1, now=Clock())

    assert passes(limit, mapping="a") is not None
    assert passes(limit, mapping="a") is None
    assert passes(limit, mapping="b") is not None
    assert passes(limit, mapping="a", reason="TopicMissing") is not None
    assert passes(limit, event="link up", mapping="a") is not None


def test_the_limit_itself_is_bounded() -> None:
    """Ever new kinds forget the oldest instead of filling the memory."""
    limit = RateLimit(burst=1, kinds=2, now=Clock())

    assert passes(limit, "a") is not None
    assert passes(limit, "b") is not None
    assert passes(limit, "c") is not None
    assert passes(limit, "a") is not None
    assert passes(limit, "c") is None


def test_lines_of_a_library_are_of_one_kind_by_their_template() -> None:
    """However the expanded text varies."""
    stream = start()

    for n in range(20):
        logging.getLogger("aiokafka").warning("node %d is gone", n)

    assert len(lines(stream)) == 5
