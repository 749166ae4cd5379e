"""A site for faults: Mosquitto and Kafka, a recording proxy before each, both directions at load.

The bridge comes by the proxies; sources and sinks go past them, so that what the proxies wrote down
is the bridge's own traffic alone.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support import scenario_config
from tests.support.background import Background
from tests.support.hivemq import HiveMQ
from tests.support.kafka import KafkaCluster
from tests.support.kafka_sink import KafkaSink, Record
from tests.support.kafka_source import KafkaSource
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource
from tests.support.numbered import Numbered
from tests.support.proxy import Proxy
from tests.support.waiting import eventually
from tests.support.wire import (
    Acknowledged,
    Commit,
    acknowledgements,
    check_commits_follow_pubacks,
    check_pubacks_answer_in_order,
    check_pubacks_follow_produce_responses,
    commits,
    publications,
    stored_at,
)

BROKERS = ["mosquitto", "hivemq"] if os.environ.get("SOAK") == "1" else ["mosquitto"]
"""The families of brokers for tests whose short form is for one of them."""
RECEIVE_MAXIMUM = 500
"""The window towards the bridge: what one fault may repeat."""
_PARTITIONS = 3
_TRAILS = 5
"""Of how many missing messages the trail is shown."""
_LOOK_SECONDS = 0.25
"""Between two looks at a recording; each decodes it anew."""


class Site:
    """The surroundings of one bridge, or of more.

    Args:
        mosquitto: without a proxy; or a broker of the other family.
        kafka: one broker, `proxied`.
        background: where the proxies, and all clients that are asynchronous, run.
    """

    def __init__(
        self, mosquitto: Mosquitto | HiveMQ, kafka: KafkaCluster, background: Background
    ) -> None:
        self.mosquitto, self.kafka, self.background = mosquitto, kafka, background
        self.mqtt_proxy = background.enter(Proxy(mosquitto.port, record=True))
        ((port, target),) = kafka.proxy_ports
        self.kafka_proxy = background.enter(Proxy(target, port, record=True))

    def config(self, *flows: "Inbound | Outbound", **mqtt: object) -> dict[str, Any]:
        """Return a bridge for these flows, called as the first one; it comes by the proxies."""
        server = f"mqtt://127.0.0.1:{self.mqtt_proxy.port}"
        return {
            "name": flows[0].name,
            "mqtt": {"servers": [server], "receiveMaximum": RECEIVE_MAXIMUM, **mqtt},
            "kafka": {"bootstrapServers": self.kafka.proxied_bootstrap},
            **scenario_config.split(*(flow.mapping for flow in flows)),
        }


class Inbound:
    """MQTT to Kafka, by the mapping `telemetry`: from `<name>/<key>` to one topic.

    Args:
        site: where.
        name: unique; the bridge's too.
        partitions: of the topic.
        source: options of the source.
    """

    def __init__(
        self,
        site: Site,
        name: str,
        *,
        partitions: int = _PARTITIONS,
        **source: Any,  # noqa: ANN401 - they are the source's
    ) -> None:
        self.name, self._site = name, site
        self.topic = site.kafka.admin.create_topic(
            f"{name}.telemetry", partitions, config={"message.timestamp.type": "LogAppendTime"}
        )
        self.ledger = Ledger()
        self.source = site.background.enter(
            MqttSource(site.mosquitto.url, f"{name}/{{key}}", self.ledger, **source)
        )

    @property
    def mapping(self) -> dict[str, Any]:
        """The mapping, as in a configuration."""
        pattern = f"{self.name}/{{device}}"
        return scenario_config.inbound("telemetry", pattern, self.topic, key="{device}")

    def complete(self, within_seconds: float = 30) -> list[Record]:
        """Wait until the source is told that all is safe, and Kafka has it; return the records."""
        self._site.background.run(self.source.settled(within_seconds), within_seconds + 5)
        with KafkaSink(self._site.kafka.bootstrap, self.topic, self.ledger) as sink:
            return sink.read_until_complete(within_seconds)

    def arrivals(self) -> dict[Numbered, float]:
        """Return when Kafka first said of each message that it is stored."""
        return stored_at(self._site.kafka_proxy.chunks)

    def check_wire(self) -> list[Acknowledged]:
        """Check W; return the PUBACKs."""
        check_pubacks_answer_in_order(self._site.mqtt_proxy.chunks)
        return check_pubacks_follow_produce_responses(
            self._site.mqtt_proxy.chunks, self._site.kafka_proxy.chunks
        )


class Outbound:
    """Kafka to MQTT, by the mapping `commands`: from one topic to `<name>-out/<key>`."""

    def __init__(self, site: Site, name: str) -> None:
        self.name, self._site = name, site
        self.topic = site.kafka.admin.create_topic(f"{name}.commands", _PARTITIONS)
        self.ledger = Ledger()
        self.source = KafkaSource(site.kafka.bootstrap, self.topic, self.ledger)
        self.sink = site.background.enter(
            MqttSink(site.mosquitto.url, f"{name}-out/#", self.ledger)
        )

    @property
    def mapping(self) -> dict[str, Any]:
        """The mapping, as in a configuration."""
        return scenario_config.outbound("commands", self.topic, f"{self.name}-out/{{key}}")

    def complete(self, within_seconds: float = 30) -> None:
        """Wait until Kafka has all, and the sink too.

        Raises:
            AssertionError: something is missing; the text says how far each of it came.
        """
        self.source.settled(within_seconds)
        try:
            self.ledger.await_complete(within_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._trail()}") from None

    def _trail(self) -> str:
        """Say of what is missing how it was published and answered, and what was committed."""
        published = publications(self._site.mqtt_proxy.chunks)
        places = {message: place for place, message in self.source.stored.items()}
        lines = []
        for missing in self.ledger.missing()[:_TRAILS]:
            partition, offset = places[missing]
            answers = [(p.connection, p.answer) for p in published if p.message == missing]
            lines.append(
                f"{missing.key} {missing.number} at {partition}/{offset}: "
                f"(connection, answer) of its PUBLISHes: {answers}"
            )
        found = [c for c in commits(self._site.kafka_proxy.chunks) if c.topic == self.topic]
        lines += [f"last commits: {found[-3 * _PARTITIONS :]}"]
        return "\n".join(lines)

    def arrivals(self) -> dict[Numbered, float]:
        """Return when the broker first acknowledged each message."""
        own = set(self.source.stored.values())
        first: dict[Numbered, float] = {}
        for when, message in acknowledgements(self._site.mqtt_proxy.chunks, by_server=True):
            if message in own:
                first.setdefault(message, when)
        return first

    def check_wire(self, within_seconds: float = 10) -> list[Commit]:
        """Wait until all is committed, then check W; return the commits.

        Raises:
            AssertionError: W, or the last commit did not come in time.
        """
        ends: dict[int, int] = {}
        for partition, offset in self.source.stored:
            ends[partition] = max(offset + 1, ends.get(partition, 0))

        def committed() -> list[Commit]:
            found = [c for c in commits(self._site.kafka_proxy.chunks) if c.topic == self.topic]
            last = {commit.partition: commit.offset for commit in found}
            return found if last == ends else []

        eventually(committed, within_seconds, what="all committed", every_seconds=_LOOK_SECONDS)
        return check_commits_follow_pubacks(
            self._site.kafka_proxy.chunks,
            self._site.mqtt_proxy.chunks,
            self.topic,
            self.source.stored,
        )


Flow = Inbound | Outbound


def news_since(flow: Flow, at: float, within_seconds: float) -> float:
    """Wait until a message arrives on the other side for the first time; return after how long.

    Args:
        flow: which way.
        at: since when, on the clock of the recordings.
        within_seconds: the deadline.
    """
    return eventually(
        lambda: _delay(flow.arrivals(), at),
        within_seconds,
        what="a new message after a fault",
        every_seconds=_LOOK_SECONDS,
    )


def delays(flow: Flow, moments: Iterable[float]) -> list[float]:
    """Return how long it took from each moment to the next new message on the other side."""
    arrivals = flow.arrivals()
    return [_delay(arrivals, at) for at in moments]


def _delay(arrivals: Mapping[Numbered, float], at: float) -> float:
    """Return 0 if nothing new has arrived."""
    return min((when - at for when in arrivals.values() if when > at), default=0.0)


@contextmanager
def load(background: Background, per_second: float, *flows: Flow) -> Iterator[None]:
    """Let all sources send, each at this rate, while the context lasts."""
    stop = threading.Event()
    published = [
        background.begin(flow.source.keep_publishing(per_second, stop.is_set))
        for flow in flows
        if isinstance(flow, Inbound)
    ]
    threads = [
        threading.Thread(target=_keep_producing, args=(flow.source, per_second, stop))
        for flow in flows
        if isinstance(flow, Outbound)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for future in published:
        future.result(30)


def _keep_producing(source: KafkaSource, per_second: float, stop: threading.Event) -> None:
    while not stop.is_set():
        source.produce(max(1, int(per_second / 20)), per_second=per_second)
