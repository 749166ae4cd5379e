"""Free ports of the loopback interface.

They lie below the range from which the kernel takes ports for outgoing connections: a broker that
restarts finds its port free, and a client that reconnects to it can't meet itself.
"""

import random
import socket
from pathlib import Path

_LOWEST = 10_240
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_handed_out: set[int] = set()


def free_port() -> int:
    """Return a port that nobody listens on and that was not returned before.

    Raises:
        OSError: a thousand tries found none.
    """
    above = int(_RANGE_FILE.read_text().split()[0]) if _RANGE_FILE.exists() else 32_768
    for _ in range(1000):
        port = random.randrange(_LOWEST, max(above, _LOWEST + 10_000))
        if port not in _handed_out and _is_free(port):
            _handed_out.add(port)
            return port
    raise OSError(f"no free port between {_LOWEST} and {above}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_open(port: int) -> bool:
    """Tell whether somebody accepts connections on a port of the loopback interface."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
