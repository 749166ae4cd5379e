"""`mqtt-kafka status`: what pods say of themselves, or what Kafka knows of all their sessions."""

import argparse
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from mqtt_kafka_bridge.config_file import ConfigurationError, load
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_cli import text
from mqtt_kafka_cli.pods import DEFAULT_URL, ask_all, url
from mqtt_kafka_cli.report import report
from mqtt_kafka_cli.topic import read

WELL, UNWELL, USAGE = 0, 1, 2
HELP = "show mappings and sessions of bridges"
DESCRIPTION = (
    "Show what pods say of their mappings and sessions; or, with --file, every session of a bridge"
    " as its coordination topic has it, however many pods there are. Exit code 1: a pod is not"
    " ready, or something can't be reached."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes on the command line."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "urls",
        nargs="*",
        type=_url,
        default=[],
        metavar="URL",
        help=f"address of a pod's `http`; several are shown as one (default: {DEFAULT_URL})",
    )
    where.add_argument("--file", metavar="FILE", help="configuration; read Kafka, ask no pod")
    parser.add_argument(
        "--output", choices=["table", "json"], default="table", help="default: table"
    )


def _url(given: str) -> str:
    try:
        return url(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def status(urls: Sequence[str], file: str | None, output: str) -> int:
    """Print the status of pods, or of the coordination topic; return the exit code."""
    return _of_pods(urls or [DEFAULT_URL], output) if file is None else _of_topic(file, output)


def _of_pods(urls: Sequence[str], output: str) -> int:
    found = report(ask_all(urls))
    if output == "json":
        _write([found.model_dump_json(indent=2)])
    else:
        _write(text.of_pods(found, datetime.now(UTC), _width()))
    return WELL if found.ready else UNWELL


def _of_topic(file: str, output: str) -> int:
    try:
        config = load(file)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    if config.kafka.coordination.type == "None":
        sys.stderr.write(
            f"{file}: kafka.coordination.type is None: nothing is stored in Kafka;"
            f" ask the pod: mqtt-kafka status URL\n"
        )
        return USAGE
    try:
        found = read(config)
    except BridgeError as error:
        sys.stderr.write(f"{error.reason}: {error.message}\n  cure: {error.cure}\n")
        return UNWELL
    if output == "json":
        _write([found.model_dump_json(indent=2)])
    else:
        _write(text.of_topic(found, datetime.now(UTC), _width()))
    return WELL


def _width() -> int | None:
    """Return how wide the terminal is; None if the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _write(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
