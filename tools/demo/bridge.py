"""The bridge as a process of its own, run as anybody would run it, and watched by its one port."""

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

from mqtt_kafka_bridge.contract.status import BridgeStatus

START_SECONDS = 45.0
STOP_SECONDS = 30.0
_LAST_LINES = 12


class BridgeFailedError(Exception):
    """The bridge ended, or did not become ready; the text has its last words."""


def program() -> str:
    """Find `mqtt-kafka-bridge`: beside this Python, or on the path.

    Raises:
        BridgeFailedError: it is not installed.
    """
    beside = Path(sys.executable).with_name("mqtt-kafka-bridge")
    found = str(beside) if beside.exists() else shutil.which("mqtt-kafka-bridge")
    if found is None:
        raise BridgeFailedError("mqtt-kafka-bridge is not installed; `make demo` does that")
    return found


class Bridge:
    """A running bridge. `status` is what it last said of itself; `history` its growth."""

    def __init__(self, process: asyncio.subprocess.Process, http: aiohttp.ClientSession) -> None:
        self._process = process
        self._http = http
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.url = ""
        self.status: BridgeStatus | None = None

    async def ready(self) -> None:
        """Wait until it is ready to forward.

        Raises:
            BridgeFailedError: it ended, or was not ready within `START_SECONDS`.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                self.url = await self._url
                while not (self.status and self.status.ready):
                    await self.look()
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise BridgeFailedError(f"the bridge is not ready:\n{self.last_words}") from error

    async def look(self) -> BridgeStatus:
        """Ask for its status.

        Raises:
            BridgeFailedError: it does not answer.
        """
        try:
            async with self._http.get(f"{self.url}/status") as answer:
                self.status = BridgeStatus.model_validate_json(await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BridgeFailedError(f"the bridge is gone:\n{self.last_words}") from error
        return self.status

    async def stop(self) -> int:
        """Ask it to stop; give its exit code.

        Raises:
            BridgeFailedError: it did not end within `STOP_SECONDS`, and was killed.
        """
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError as error:
            self._process.kill()
            raise BridgeFailedError(f"the bridge did not stop:\n{self.last_words}") from error

    @property
    def last_words(self) -> str:
        """What its mappings complain of, or else the last lines of its log."""
        troubles = [
            f"  {mapping.name}: {trouble.message}; {trouble.cure}"
            for mapping in (self.status.mappings if self.status else [])
            for trouble in (mapping.trouble, mapping.mqtt.trouble, mapping.kafka.trouble)
            if trouble
        ]
        return "\n".join(dict.fromkeys(troubles) or map(_plain, self._lines))

    async def read_log(self) -> None:
        """Read its log to the end; the line `serving` says where its port is."""
        stream = self._process.stdout
        if stream is None:
            raise BridgeFailedError("asyncio gave no pipe")
        async for raw in stream:
            line = raw.decode(errors="replace").rstrip()
            self._lines.append(line)
            if not self._url.done() and '"serving"' in line:
                self._url.set_result(json.loads(line)["http.url"])
        if not self._url.done():
            self._url.set_exception(BridgeFailedError(f"the bridge ended:\n{self.last_words}"))


def _plain(line: str) -> str:
    """Make a line of the log readable; what is not from its log stays as it is."""
    try:
        fields = json.loads(line)
    except ValueError:
        return f"  {line}"
    parts = ("log.level", "message", "labels.trouble", "labels.cure", "error.stack_trace")
    return "  " + "; ".join(str(fields[part]) for part in parts if part in fields)


@asynccontextmanager
async def bridge(command: str, configuration: str) -> AsyncIterator[Bridge]:
    """Run the bridge on a configuration, until the block ends."""
    async with AsyncExitStack() as stack:
        file = stack.enter_context(_file(configuration))
        process = await asyncio.create_subprocess_exec(
            command,
            "run",
            file,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the demo, which stops the bridge at its end
        )
        timeout = aiohttp.ClientTimeout(total=5)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, raise_for_status=True)
        )
        running = Bridge(process, http)
        reader = asyncio.create_task(running.read_log())
        try:
            yield running
        finally:
            await running.stop()
            await reader


@contextmanager
def _file(configuration: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mqtt-kafka-demo-") as folder:
        file = Path(folder, "bridge.yaml")
        file.write_text(configuration)
        yield str(file)
