"""The program `mqtt-kafka-bridge`: run a configuration file, check it, or retire what it ran.

Exit codes: 0 stopped cleanly, valid, or all retired; 1 a bug; 2 usage or configuration; 3 the
drain's deadline passed, or sessions are left. A broker that is unreachable or refuses the
credentials never ends `run`.
"""

import argparse
import sys
from collections.abc import Sequence

import uvloop

from mqtt_kafka_bridge import retire
from mqtt_kafka_bridge.app import pod_name, run
from mqtt_kafka_bridge.check import check
from mqtt_kafka_bridge.config_file import ConfigurationError, load
from mqtt_kafka_bridge.observe.http import ListenError
from mqtt_kafka_bridge.observe.logs import configure

USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="mqtt-kafka-bridge", description="Forward messages between MQTT and Kafka."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("run", "forward messages until SIGTERM; probes, status and metrics on http.port"),
        ("check", "say every mistake in a configuration file, with its line and its cure"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("file", metavar="FILE", help="configuration, YAML or JSON")
    retire.add_arguments(commands.add_parser("retire", help=retire.HELP, description=retire.HELP))
    chosen = parser.parse_args(arguments)
    match chosen.command:
        case "check":
            return check(chosen.file)
        case "retire":
            return retire.retire(chosen.file, chosen.timeout_seconds)
        case _:
            return _run(chosen.file)


def _run(path: str) -> int:
    try:
        config = load(path)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    configure(config, pod_name(config))
    try:
        return uvloop.run(run(config))
    except ListenError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


if __name__ == "__main__":
    sys.exit(main())
