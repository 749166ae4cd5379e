"""A lab: the real bridge between a real Mosquitto and a real Kafka, with clients at both ends.

Integration tests say in it what a user does and sees. On leaving it, every bridge that still runs
must have balanced its ledger (G5), logged no crash, and must end cleanly.
"""

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, Unpack

import mqtt5
from confluent_kafka import KafkaError, Message, Producer

from tests.support.background import Background
from tests.support.bridge import Bridge, Config
from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink, Record
from tests.support.kafka_source import Headers
from tests.support.messages import Properties
from tests.support.mosquitto import Mosquitto, MosquittoOptions
from tests.support.mqtt_publisher import Publisher
from tests.support.mqtt_sink import MqttSink
from tests.support.scenario_checks import SECONDS, check_ledger, check_no_crash
from tests.support.scenario_config import split
from tests.support.waiting import eventually

_NO_SUBSCRIBER = 0x10


class Place(NamedTuple):
    """Where a record was stored."""

    partition: int
    offset: int


class Lab:
    """Everything of one test, or of all tests of a module.

    Args:
        folder: for data, configurations and logs.
        kafka: the cluster.
        name: of the bridge, and the beginning of every topic; unique in the session.
    """

    def __init__(self, folder: Path, kafka: KafkaCluster, name: str) -> None:
        self.kafka, self.name, self.folder = kafka, name, folder
        self.dead_letters = f"mqttkafka.local.{name}.dead-letters"
        self.bridges: list[Bridge] = []
        self.failed = False
        """Whether a test has failed in it: nothing is checked at its end then."""
        self._ends = ExitStack()
        self._brokers = 0
        self._publishers: dict[str, Publisher] = {}
        self._sinks: dict[str, KafkaSink] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._ends:
            try:
                if error is None and not self.failed:
                    self._end_bridges()
            finally:
                for bridge in self.bridges:
                    bridge.kill()

    def _end_bridges(self) -> None:
        running = [bridge for bridge in self.bridges if bridge.running]
        for bridge in running:
            check_ledger(bridge)
        for bridge in running:
            assert bridge.terminate() == 0
            check_no_crash(bridge)

    # What is in it

    @cached_property
    def background(self) -> Background:
        """Where its asynchronous clients run."""
        return self._ends.enter_context(Background())

    @cached_property
    def broker(self) -> Mosquitto:
        """The MQTT broker of a test that needs only one, without limits."""
        return self.mosquitto()

    def mosquitto(self, **options: object) -> Mosquitto:
        """Start a broker."""
        chosen = MosquittoOptions(**options)  # type: ignore[arg-type]  # it checks them
        self._brokers += 1
        broker = Mosquitto(self.folder / f"mosquitto-{self._brokers}", chosen)
        self._ends.callback(broker.kill)
        broker.up()
        return broker

    def topic(self, word: str = "data", partitions: int = 1, **config: str) -> str:
        """Create a topic; `cleanup_policy="compact"` sets `cleanup.policy`."""
        settings = {name.replace("_", "."): value for name, value in config.items()}
        return self.kafka.admin.create_topic(f"{self.name}.{word}", partitions, config=settings)

    def bridge(self, config: Config) -> Bridge:
        """Make a bridge between the two; what the configuration says of either end is added."""
        bridge = Bridge(self.folder / f"bridge-{len(self.bridges)}", self.complete(config))
        self.bridges.append(bridge)
        return bridge

    def complete(self, config: Config) -> dict[str, Any]:
        """Return a configuration with the name and the addresses of this lab."""
        mqtt, kafka = config.get("mqtt", {}), config.get("kafka", {})
        return {
            "name": self.name,
            **config,
            "mqtt": mqtt if "servers" in mqtt else {"servers": [self.broker.url], **mqtt},
            "kafka": {"bootstrapServers": self.kafka.bootstrap, **kafka},
        }

    def run(self, *mappings: Config, **config: object) -> Bridge:
        """Run a bridge with these mappings of either direction until it is ready."""
        bridge = self.bridge({**split(*mappings), **config})
        bridge.up()
        return bridge

    # What is done with it

    def publish(
        self,
        topic: str,
        payload: bytes = b"21.5",
        *,
        qos: int = 1,
        to: Mosquitto | None = None,
        **properties: Unpack[Properties],
    ) -> None:
        """Publish a message and wait until the broker has it."""
        broker = to or self.broker
        url = broker.url
        if url not in self._publishers:
            publisher = Publisher(url, _login(broker))
            self._publishers[url] = self.background.enter(publisher)
        code = self.background.run(self._publishers[url].publish(topic, payload, qos, **properties))
        assert code in (0, _NO_SUBSCRIBER), f"refused with 0x{code:02X}"

    def subscribe(self, pattern: str, *, qos: int = 1, at: Mosquitto | None = None) -> MqttSink:
        """Subscribe to a filter."""
        broker = at or self.broker
        return self.background.enter(MqttSink(broker.url, pattern, qos=qos, user=_login(broker)))

    def messages(self, sink: MqttSink, count: int) -> list[mqtt5.PublishPacket]:
        """Return what a subscriber got: so many messages and no more."""
        eventually(lambda: len(sink.received) >= count, SECONDS, what=lambda: f"{sink.received}")
        assert len(sink.received) == count, sink.received
        return sink.received

    @cached_property
    def _producer(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": ",".join(self.kafka.bootstrap),
                "partitioner": "murmur2_random",  # as Java's
                "linger.ms": 0,
                "log_level": 0,
            }
        )

    def produce(
        self,
        topic: str,
        value: bytes | None = b"21.5",
        *,
        key: bytes | None = b"d1",
        headers: Headers | None = None,
        partition: int = -1,
        timestamp_ms: int = 0,
    ) -> Place:
        """Write a record; return where it is, once it is stored."""
        places: list[Place] = []

        def stored(error: KafkaError | None, record: Message) -> None:
            assert error is None, error
            places.append(Place(record.partition() or 0, record.offset() or 0))

        self._producer.produce(
            topic,
            key=key,
            value=value,
            headers=headers or [],
            partition=partition,
            timestamp=timestamp_ms,
            on_delivery=stored,
        )
        self._producer.flush(SECONDS)
        assert places, f"{topic} did not take a record within {SECONDS} s"
        return places[0]

    def records(self, topic: str, count: int) -> list[Record]:
        """Return what a topic holds: so many records and no more."""
        sink = self._sink(topic)
        sink.await_records(count, SECONDS)
        found = sink.read()
        assert len(found) == count, found
        return found

    def letters(self, mapping: str, count: int) -> list[Record]:
        """Return the dead letters of a mapping: so many and no more."""
        name = mapping.encode()

        def found() -> list[Record]:
            records = self._sink(self.dead_letters).read()
            return [record for record in records if record.header("deadletter.mapping") == name]

        eventually(lambda: len(found()) >= count, SECONDS, what=lambda: f"{found()}")
        assert len(found()) == count, found()
        return found()

    def _sink(self, topic: str) -> KafkaSink:
        if topic not in self._sinks:
            if topic == self.dead_letters:  # the bridge creates it when it needs it
                eventually(lambda: topic in self.kafka.admin.topics(), SECONDS, what=topic)
            sink = KafkaSink(self.kafka.bootstrap, topic)
            self._sinks[topic] = self._ends.enter_context(sink)
        return self._sinks[topic]


def _login(broker: Mosquitto) -> tuple[str, str] | None:
    """Return the first of a broker's users, who is the tests' own."""
    return next(iter(broker.options.users.items()), None)
