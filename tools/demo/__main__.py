"""See the bridge at work: a small factory, the real bridge, and brokers from PyPI or your own.

Run by `make demo`. Ends with 0 if everything that was sent arrived, 1 if not, 2 if it could not
start.
"""

import argparse
import asyncio
import math
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import yaml
from aiokafka.errors import KafkaError
from aiomqtt import MqttError
from rich.console import Console
from rich.live import Live

from examples.factory.overheat import OverheatGuard
from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import BridgeStatus
from tools.demo.bridge import Bridge, BridgeFailedError, bridge, program
from tools.demo.ledger import Ledger
from tools.demo.lines import Lines
from tools.demo.places import EXAMPLE, Places, UsageError, places
from tools.demo.scene import Factory, Scene
from tools.demo.screen import Screen
from tools.demo.stand_ins import StandInError
from tools.demo.summary import summary, verdict
from tools.demo.topics import TopicsError
from tools.demo.watch import Watch

LOOK_SECONDS = 0.25
SETTLE_SECONDS = 15.0
"""How long what was sent last may take to arrive."""
_QUIET_LOOKS = 2
_FAILED = 2
_EXPECTED = (
    UsageError,
    TopicsError,
    StandInError,
    BridgeFailedError,
    KafkaError,
    MqttError,
    OSError,
)


async def demo(console: Console, seconds: float | None, command: str) -> int:
    """Run the demo; give its exit code.

    Raises:
        one of `_EXPECTED`, alone or in groups: it can't go on.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        for ending in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
            loop.add_signal_handler(ending, task.cancel)
    async with places() as where:
        console.print(_whereabouts(where), style="bright_black", soft_wrap=True)
        configuration = where.configuration()
        async with bridge(command, configuration) as running:
            await running.ready()
            watch = Watch(Ledger(), where.root)
            config = BridgeConfig.model_validate(yaml.safe_load(configuration))
            scene = Scene(where, watch, Factory(watch), config, running.url, seconds)
            async with _work(scene):
                status = await _show(console, scene, running)
            wrong = verdict(watch.ledger, status, await running.stop())
            summary(console, watch.ledger, where, wrong)
            return 1 if wrong else 0


@asynccontextmanager
async def _work(scene: Scene) -> AsyncIterator[None]:
    """Run the factory and the applications on Kafka, until the block ends."""
    guard = OverheatGuard(scene.places.kafka, scene.places.root, scene.watch.note_command)
    async with asyncio.TaskGroup() as tasks:
        working = [
            tasks.create_task(scene.watch.run(scene.places.kafka)),
            tasks.create_task(guard.run()),
            tasks.create_task(scene.factory.run(scene.places)),
        ]
        yield
        for task in working:
            task.cancel()


async def _show(console: Console, scene: Scene, running: Bridge) -> BridgeStatus:
    """Show the scene until the time is over and all has arrived; give the last status."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, scene.factory.shift.over.set)
    if not console.is_terminal:
        lines = Lines(console)
        return await _watch(scene, running, lambda: lines.show(scene))
    screen = Screen(console)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        return await _watch(scene, running, lambda: live.update(screen.draw(scene), refresh=True))


async def _watch(scene: Scene, running: Bridge, show: Callable[[], None]) -> BridgeStatus:
    settle_by, quiet = math.inf, 0
    while True:
        status = await running.look()
        scene.look(status)
        show()
        if scene.over:
            scene.factory.shift.over.set()
        if scene.factory.shift.over.is_set():
            scene.phase = "settling"
            settle_by = min(settle_by, scene.elapsed + SETTLE_SECONDS)
        quiet = quiet + 1 if scene.settled else 0
        if quiet == _QUIET_LOOKS or scene.elapsed > settle_by:
            return status
        await asyncio.sleep(LOOK_SECONDS)


def _whereabouts(where: Places) -> str:
    kinds = [("stand-in", "your own")[real] for real in (where.mqtt_is_real, where.kafka_is_real)]
    lines = [
        f"  MQTT    {where.mqtt_url} ({kinds[0]})",
        f"  Kafka   {','.join(where.kafka)} ({kinds[1]})",
        f"  bridge  mqtt-kafka-bridge run {EXAMPLE.relative_to(EXAMPLE.parents[2])}",
    ]
    return "\n".join([*lines, f"  traces  {where.traces}"] if where.traces else lines)


def main() -> int:
    """Read the arguments, run the demo, say what went wrong."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the factory works")
    parser.add_argument("--keep", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--bridge", help="the bridge's program; default: mqtt-kafka-bridge")
    options = parser.parse_args()
    console = Console(highlight=False)
    console.print("Starting the bridge and what it talks to …", style="bright_black")
    failures: list[BaseException] = []
    try:
        command = options.bridge or program()
        return asyncio.run(demo(console, None if options.keep else options.seconds, command))
    except* _EXPECTED as group:
        failures += _leaves(group)
    except* (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Interrupted.")
    for error in failures:
        console.print(
            f"{type(error).__name__}: {error}", style="bold red", markup=False, soft_wrap=True
        )
    return _FAILED


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    sys.exit(main())
