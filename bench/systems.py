"""The bridges that are measured: the product, the baseline, and mq-bridge."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.messages import COMMAND_TOPIC, FILTER

Direction = Literal["mqtt-to-kafka", "kafka-to-mqtt"]
DIRECTIONS: tuple[Direction, ...] = ("mqtt-to-kafka", "kafka-to-mqtt")


@dataclass(frozen=True)
class Setup:
    """What a bridge is told: two ends, a direction, and a name of its own for each run."""

    direction: Direction
    mqtt_port: int
    bootstrap: str
    topic: str
    name: str
    folder: Path
    qos: int = 1
    window: int = 8192
    sessions: int = 1
    """More than one share the messages, and pods, whose names differ, share the sessions."""
    pod: str = ""


@dataclass(frozen=True)
class System:
    """A bridge that can be measured."""

    name: str
    module: str
    keyed: bool = True
    """Whether it keeps MQTT topics: as Kafka keys, and as MQTT topics made from Kafka keys."""
    options: Sequence[str] = ()

    def command(self, setup: Setup) -> list[str]:
        """Return its command line."""
        if self.name == "product":
            return [sys.executable, "-m", self.module, "run", str(_product_file(setup))]
        return [
            *(sys.executable, "-m", self.module, setup.direction),
            *("--mqtt-port", str(setup.mqtt_port), "--kafka", setup.bootstrap),
            *("--topic", setup.topic, "--client-id", setup.name),
            *("--qos", str(setup.qos), "--window", str(setup.window)),
            *self.options,
        ]


SYSTEMS = {
    system.name: system
    for system in (
        System("product", "mqtt_kafka_bridge"),
        System("baseline", "bench.baseline"),
        System("baseline-zstd", "bench.baseline", options=("--compression", "zstd")),
        System("mq-bridge", "bench.peers", keyed=False),
    )
}


def _product_file(setup: Setup) -> Path:
    """Write the product's configuration: all defaults on; alone, unless there are more sessions."""
    alone = setup.sessions == 1
    config: dict[str, object] = {
        "version": 1,
        "name": setup.name,
        "mqtt": {
            "servers": [f"mqtt://127.0.0.1:{setup.mqtt_port}"],
            "receiveMaximum": setup.window,
        },
        "kafka": {
            "bootstrapServers": [setup.bootstrap],
            "coordination": {"type": "None" if alone else "Kafka"},
        },
        "http": {"host": "127.0.0.1", "port": 0},
        **({"pod": setup.pod} if setup.pod else {}),
    }
    if setup.direction == "mqtt-to-kafka":
        config["mqttToKafka"] = [
            {
                "name": "telemetry",
                "from": {"filter": FILTER, "qos": setup.qos},
                "to": {"topic": setup.topic},
                **({} if alone else {"ordering": "None", "sessions": setup.sessions}),
            }
        ]
    else:
        config["kafkaToMqtt"] = [
            {
                "name": "commands",
                "from": {"topics": [setup.topic], "startFrom": "Earliest"},
                "to": {"topic": COMMAND_TOPIC, "qos": setup.qos},
            }
        ]
    path = setup.folder / f"{'.'.join(filter(None, (setup.name, setup.pod)))}.json"
    path.write_text(json.dumps(config, indent=2))
    return path
