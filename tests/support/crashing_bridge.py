"""A bridge that kills itself: `python -m tests.support.crashing_bridge POINT HIT run FILE`.

A crash point is one attribute of one module, which does nothing; here it is set, before the bridge
starts, to end the process without warning upon the n-th time that the named point is reached.
"""

import os
import signal
import sys
from collections.abc import Callable

from mqtt_kafka_bridge.__main__ import main
from mqtt_kafka_bridge.flows import crash_points


def killer(point: str, hit: int) -> Callable[[str], None]:
    """Return a crash point that kills this process upon the n-th time at the named one."""
    hits_left = hit

    def crash_point(name: str) -> None:
        nonlocal hits_left
        if name == point:
            hits_left -= 1
            if hits_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return crash_point


if __name__ == "__main__":
    _, wanted, times, *arguments = sys.argv
    sys.argv = ["mqtt-kafka-bridge", *arguments]
    crash_points.crash_point = killer(wanted, int(times))
    sys.exit(main())
