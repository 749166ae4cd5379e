"""`retire FILE`: end a bridge's sessions at the MQTT broker, so that nothing queues for nobody.

Two programs have it: `mqtt-kafka-bridge`, for it is what the image holds, and `mqtt-kafka`.
"""

import argparse
import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import cast

from mqtt_kafka_bridge.config_file import ConfigurationError, load
from mqtt_kafka_bridge.contract.base import parse_duration
from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.retirement import Retirement

DONE, USAGE, LEFT = 0, 2, 3
HELP = "end the sessions of a bridge that is stopped, so that nothing queues for it at the broker"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes on the command line."""
    parser.add_argument("file", metavar="FILE", help="configuration, YAML or JSON")
    parser.add_argument(
        "--timeout",
        dest="timeout_seconds",
        type=_seconds,
        default="60s",
        metavar="DURATION",
        help="longest time to try, such as 60s (the default) or 5m",
    )


def _seconds(text: str) -> float:
    try:
        return cast("timedelta", parse_duration(text)).total_seconds()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def retire(path: str | Path, timeout_seconds: float) -> int:
    """End the sessions of a bridge that does not run any more; print one line each.

    Returns:
        The exit code: 0 when all are ended, 2 for a file that can't be used, 3 if some are left.
    """
    try:
        config = load(path)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    return asyncio.run(_retire(config, timeout_seconds))


async def _retire(config: BridgeConfig, timeout_seconds: float) -> int:
    retirement = Retirement(config, tell=_tell, hint=_hint)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_seconds) as limit:
            for number in (signal.SIGTERM, signal.SIGINT):  # As if the time were up.
                loop.add_signal_handler(number, lambda: limit.reschedule(loop.time()))
            await retirement.run()
    except TimeoutError:
        if not limit.expired():
            raise
    return _conclude(retirement)


def _conclude(retirement: Retirement) -> int:
    """Print what is left and why, and a summary; return the exit code."""
    for name, why in sorted(retirement.left.items()):
        _tell(f"{name}: left: {why}")
    total = len(retirement.left) + len(retirement.ended)
    of_all = f"{len(retirement.ended)} of {total} session{'' if total == 1 else 's'} ended"
    if retirement.done and not retirement.left:
        _hint(of_all)
        return DONE
    _hint(f"{of_all}; the same command tries again")
    return LEFT


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _hint(line: str) -> None:
    sys.stderr.write(f"{line}\n")
