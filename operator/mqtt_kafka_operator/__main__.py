"""The program: `python -m mqtt_kafka_operator`; settings come from the environment.

Exit codes: 0 stopped cleanly; 1 a bug; 2 settings; 3 the Lease was lost.
"""

import asyncio
import logging
import os
import sys

import structlog

from mqtt_kafka_operator.app import run
from mqtt_kafka_operator.settings import Settings, SettingsError

USAGE = 2


def main() -> int:
    """Run the program; return its exit code."""
    try:
        settings = Settings.read(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    logging.basicConfig(level=max(level, logging.INFO), stream=sys.stdout)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper("iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return asyncio.run(run(settings))


if __name__ == "__main__":
    sys.exit(main())
