"""The program `mqtt-kafka`: see what bridges do, and end what a stopped one left.

Exit codes: 0 all is well; 1 a pod is not ready or can't be reached, or a bug; 2 usage or
configuration; 3 `retire` had to leave sessions.
"""

import argparse
import sys
from collections.abc import Sequence

from mqtt_kafka_bridge import retire
from mqtt_kafka_cli import status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="mqtt-kafka", description="Look at bridges between MQTT and Kafka, and retire them."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    status.add_arguments(
        commands.add_parser("status", help=status.HELP, description=status.DESCRIPTION)
    )
    retire.add_arguments(commands.add_parser("retire", help=retire.HELP, description=retire.HELP))
    chosen = parser.parse_args(arguments)
    if chosen.command == "retire":
        return retire.retire(chosen.file, chosen.timeout_seconds)
    return status.status(chosen.urls, chosen.file, chosen.output)


if __name__ == "__main__":
    sys.exit(main())
