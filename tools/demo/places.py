"""Where the two brokers are: stand-ins started here, or real ones named by the environment."""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tools.demo.stand_ins import stand_in
from tools.demo.topics import appear, visiting

MQTT, KAFKA = "MQTT_URL", "KAFKA_BOOTSTRAP"
"""Names of the environment variables that point the demo at real brokers."""
EXAMPLE = Path(__file__).parents[2] / "examples/factory/bridge.yaml"
_NAME = "plant"
"""The name in the example file, which begins its topics too."""
_TOPICS = ("telemetry", "inspections", "commands", "dead-letters")


class UsageError(Exception):
    """What was asked for makes no sense; the text says what to write."""


@dataclass(frozen=True)
class Places:
    """The two brokers, and the name that begins all topics there."""

    mqtt_host: str
    mqtt_port: int
    kafka: list[str]
    mqtt_is_real: bool
    kafka_is_real: bool
    root: str

    @property
    def mqtt_url(self) -> str:
        """The MQTT broker, as the bridge's file names it."""
        return f"mqtt://{self.mqtt_host}:{self.mqtt_port}"

    @property
    def stand_ins(self) -> list[str]:
        """Name the stand-ins, for the screen."""
        mqtt = [] if self.mqtt_is_real else ["rumqttd as MQTT broker"]
        return mqtt + ([] if self.kafka_is_real else ["librdkafka's mock as Kafka"])

    @property
    def traces(self) -> str:
        """Say what the demo does to the user's own brokers; empty if there are none."""
        mqtt = f"MQTT topics under {self.root}/ and sessions that end after a minute"
        kafka = f"Kafka topics {self.root}.* and a consumer group, both deleted at the end"
        return "; ".join([mqtt] * self.mqtt_is_real + [kafka] * self.kafka_is_real)

    def configuration(self) -> str:
        """Read the example file, and point it at these brokers.

        Beside real ones the name becomes a new one, topics included, and the session short-lived:
        nothing of the user's is read or written, and nothing stays behind.
        """
        config: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
        config["mqtt"]["servers"] = [self.mqtt_url]
        config["kafka"]["bootstrapServers"] = self.kafka
        config["kafka"]["coordination"] = {"type": "None"}  # one process, and no topic to leave
        config["http"]["port"] = 0
        if self.root != _NAME:
            config["name"] = self.root
            config["mqtt"]["sessionExpiry"] = "1m"
            config["deadLetter"]["topic"] = self._renamed(config["deadLetter"]["topic"])
            for mapping in config["mqttToKafka"]:
                mapping["from"]["filter"] = self._renamed(mapping["from"]["filter"])
                mapping["to"]["topic"] = self._renamed(mapping["to"]["topic"])
            for mapping in config["kafkaToMqtt"]:
                mapping["from"]["topics"] = [self._renamed(t) for t in mapping["from"]["topics"]]
                mapping["to"]["topic"] = self._renamed(mapping["to"]["topic"])
        return yaml.safe_dump(config, sort_keys=False)

    def _renamed(self, topic: str) -> str:
        return self.root + topic.removeprefix(_NAME)


@asynccontextmanager
async def places(environment: Mapping[str, str] = os.environ) -> AsyncIterator[Places]:
    """Start the stand-ins that are needed; on a real Kafka create topics, and delete them after.

    Raises:
        UsageError: a variable does not hold an address.
        StandInError: a stand-in did not start.
        TopicsError: the real Kafka can't be reached, or refuses to create topics.
    """
    real_mqtt, real_kafka = environment.get(MQTT, ""), environment.get(KAFKA, "")
    async with AsyncExitStack() as stack:
        if real_mqtt:
            host, port = _mqtt_address(real_mqtt)
        else:
            address = (await stack.enter_async_context(stand_in("mqtt")))[0]
            host, port = address.split(":")[0], int(address.split(":")[1])
        root = f"{_NAME}-demo-{secrets.token_hex(3)}" if real_mqtt or real_kafka else _NAME
        topics = [f"{root}.{topic}" for topic in _TOPICS]
        if real_kafka:
            kafka = real_kafka.split(",")
            await stack.enter_async_context(visiting(real_kafka, topics, f"local.{root}.commands"))
        else:
            kafka = await stack.enter_async_context(stand_in("kafka"))
            await appear(",".join(kafka), topics)
        yield Places(host, port, kafka, bool(real_mqtt), bool(real_kafka), root)


def _mqtt_address(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or 1883
    except ValueError as error:
        raise UsageError(f"{MQTT}={url}: {error}") from error
    if parts.scheme != "mqtt" or not parts.hostname or parts.username:
        raise UsageError(f"{MQTT}={url}: write mqtt://host:port, without TLS or a password")
    return parts.hostname, port
