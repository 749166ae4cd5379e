"""An application on Kafka: it reads telemetry, and tells a machine that is too hot to cool down."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

TOO_HOT = 85.0
"""Degrees Celsius."""
PATIENCE_SECONDS = 5.0
"""How long a machine may take to become cooler before it is told again."""

Told = Callable[[str, int, float], None]
"""Called with the machine, the number of the command for it, and its temperature."""


class OverheatGuard:
    """Watches over the temperature of all machines."""

    def __init__(self, bootstrap: list[str], root: str, told: Told) -> None:
        self._bootstrap = bootstrap
        self._telemetry, self._commands = f"{root}.telemetry", f"{root}.commands"
        self._told = told
        self._sent: dict[str, int] = {}
        self._told_at: dict[str, float] = {}

    async def run(self) -> None:
        """Watch until cancelled.

        Raises:
            KafkaError: Kafka can't be reached, or refused a command.
        """
        async with AsyncExitStack() as stack:
            consumer = AIOKafkaConsumer(self._telemetry, bootstrap_servers=self._bootstrap)
            producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
            for client in (consumer, producer):
                await client.start()
                stack.push_async_callback(client.stop)
            async for record in consumer:
                reading = orjson.loads(record.value)
                if self._worth_a_command(reading):
                    line = dict(record.headers)["line"]
                    await self._cool_down(producer, record.key, line, reading)

    def _worth_a_command(self, reading: dict[str, object]) -> bool:
        temperature, now = float(str(reading["temperature"])), time.monotonic()
        if temperature < TOO_HOT or reading["state"] == "cooling":
            return False
        return now - self._told_at.get(str(reading["machine"]), 0.0) > PATIENCE_SECONDS

    async def _cool_down(
        self, producer: AIOKafkaProducer, key: bytes, line: bytes, reading: dict[str, object]
    ) -> None:
        machine, temperature = key.decode(), float(str(reading["temperature"]))
        number = self._sent.get(machine, 0) + 1
        command = {"command": "cool-down", "seq": number, "because": f"{temperature} °C"}
        self._told_at[machine] = time.monotonic()
        await producer.send_and_wait(
            self._commands, orjson.dumps(command), key=key, headers=[("line", line)]
        )
        self._sent[machine] = number
        self._told(machine, number, temperature)
