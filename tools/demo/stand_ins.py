"""An MQTT broker and a Kafka cluster from PyPI, each a child process: stand-ins for real ones.

The broker is rumqttd in the wheel of iotcore; the cluster is the mock that librdkafka carries for
its own tests. Both listen on 127.0.0.1 and keep everything in memory. Never use them for more than
a look: they lose all they hold, and forgive what real ones don't.

Run as a program, this module is such a child: it ends when its standard input does.
"""

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

START_SECONDS = 30.0
KAFKA_BROKERS = 3
_RUMQTTD = """\
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""


class StandInError(Exception):
    """A stand-in did not start."""


@asynccontextmanager
async def stand_in(kind: str) -> AsyncIterator[list[str]]:
    """Run the stand-in `mqtt` or `kafka`; give its addresses, `host:port`.

    Raises:
        StandInError: it did not start within `START_SECONDS`.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        kind,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the demo, which then stops its children in order
    )
    if child.stdin is None or child.stdout is None:
        raise StandInError("asyncio gave no pipes")
    try:
        try:
            line = await asyncio.wait_for(child.stdout.readline(), START_SECONDS)
        except TimeoutError as error:
            raise StandInError(f"the {kind} stand-in did not start in time") from error
        if not line:
            raise StandInError(f"the {kind} stand-in ended with code {await child.wait()}")
        yield line.decode().strip().split(",")
    finally:
        child.stdin.close()
        await child.wait()


def _run_mqtt() -> None:
    from iotcore import Broker  # noqa: PLC0415 - heavy, and only for this child

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "rumqttd.toml")
        config.write_text(_RUMQTTD.format(port=port))
        with Broker(config_path=str(config)):
            _serve(f"127.0.0.1:{port}")


def _run_kafka() -> None:
    from confluent_kafka import Producer  # noqa: PLC0415 - heavy, and only for this child

    cluster = Producer({"test.mock.num.brokers": KAFKA_BROKERS})
    brokers = cluster.list_topics(timeout=START_SECONDS).brokers.values()
    _serve(",".join(f"{broker.host}:{broker.port}" for broker in brokers))


def _serve(addresses: str) -> None:
    print(addresses, flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    {"mqtt": _run_mqtt, "kafka": _run_kafka}[sys.argv[1]]()
