"""The Kafka side of a measurement: make topics, fill them, count them, read them back."""

import time
from contextlib import suppress

import confluent_kafka
import numpy as np
from aiokafka.partitioner import murmur2
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it has no __all__
    AdminClient,
    NewTopic,
    OffsetSpec,
)

from bench.check import Verdict, judge
from bench.messages import Ints, Load, device_name, numbers, telemetry_topic
from bench.processes import BenchError

PARTITIONS = 12
_READ_AT_ONCE = 10_000
_FILL_AT_ONCE = 5_000
_QUIET_SECONDS = 10.0
_MAX_RECORD_BYTES = 1 << 20


class Topics:
    """Topics of one Kafka, over confluent-kafka: a witness that shares no code with the bridge."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})

    def create(self, name: str) -> None:
        """Create a topic, and wait until it has leaders."""
        settings = {"file.delete.delay.ms": "1000", "max.message.bytes": str(2 * _MAX_RECORD_BYTES)}
        new = NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=settings)
        self._admin.create_topics([new])[name].result(30)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = self._admin.list_topics(name, 10).topics[name].partitions.values()
            if len(found) == PARTITIONS and all(one.leader >= 0 for one in found):
                with suppress(confluent_kafka.KafkaException):  # its metadata is older than ours
                    self.total(name)
                    return
            time.sleep(0.05)
        raise BenchError(f"topic {name} got no leaders")

    def delete(self, name: str) -> None:
        """Delete a topic: its gigabytes are no use to the next run."""
        self._admin.delete_topics([name])[name].result(30)

    def ends(self, name: str) -> dict[int, int]:
        """Return the end offset of each partition."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # not annotated there
        homes = [confluent_kafka.TopicPartition(name, partition) for partition in range(PARTITIONS)]
        wanted = dict.fromkeys(homes, latest)
        found = self._admin.list_offsets(wanted, request_timeout=10)
        return {home.partition: future.result(10).offset for home, future in found.items()}

    def total(self, name: str) -> int:
        """Return the number of records in a topic that nothing compacts or trims."""
        return sum(self.ends(name).values())

    def fill(self, name: str, load: Load, count: int) -> None:
        """Write messages 0 to `count` - 1, keyed by device, with a Java producer's partitions."""
        producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 20,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        bodies = load.bodies(4096)
        for first in range(0, count, _FILL_AT_ONCE):
            batch = [
                {
                    "key": device_name(index % load.topics).encode(),
                    "value": load.payload(index, bodies[index % len(bodies)]),
                }
                for index in range(first, min(first + _FILL_AT_ONCE, count))
            ]
            if producer.produce_batch(name, batch) != len(batch):
                raise BenchError("the filler's queue is full")
            producer.poll(0)
            while len(producer) > 10 * _FILL_AT_ONCE:
                producer.poll(0.01)
        if producer.flush(60) or self.total(name) != count:
            raise BenchError(f"{name} was not filled")

    def await_quiet(self, name: str) -> None:
        """Wait until nothing has been written for some seconds, or a minute has passed."""
        total, moved = -1, time.monotonic()
        deadline = moved + 60
        while (now := time.monotonic()) < min(deadline, moved + _QUIET_SECONDS):
            if total != (total := self.total(name)):
                moved = now
            time.sleep(0.1)

    def read_back(self, name: str, load: Load, sent: int, *, keyed: bool) -> Verdict:
        """Read a whole topic and judge it; `keyed`: keys must be MQTT topics.

        Where something is missing, more is waited for before the topic is judged again: what is
        late is not lost.
        """
        verdict = self._read(name, load, sent, keyed=keyed)
        if verdict.lost:
            self.await_quiet(name)
            verdict = self._read(name, load, sent, keyed=keyed)
        return verdict

    def _read(self, name: str, load: Load, sent: int, *, keyed: bool) -> Verdict:
        columns = _Columns(load, keyed=keyed)
        left = sum(self.ends(name).values())
        consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "bench-read-back",
                "enable.auto.commit": False,
                "fetch.max.bytes": 16 * _MAX_RECORD_BYTES,
            }
        )
        consumer.assign([confluent_kafka.TopicPartition(name, p, 0) for p in range(PARTITIONS)])
        deadline = time.monotonic() + _QUIET_SECONDS
        while left > 0 and time.monotonic() < deadline:
            if messages := consumer.consume(_READ_AT_ONCE, 0.5):
                left -= len(messages)
                columns.add(messages)
                deadline = time.monotonic() + _QUIET_SECONDS
        consumer.close()
        if left:
            raise BenchError(f"{left} records of {name} could not be read back")
        return columns.verdict(sent)


class _Columns:
    """What was read back, as columns."""

    def __init__(self, load: Load, *, keyed: bool) -> None:
        self._load = load
        self._keys = [telemetry_topic(device).encode() for device in range(load.topics)]
        self._keyed = keyed
        self._wrong_keys = 0
        self._parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, messages: list[confluent_kafka.Message]) -> None:
        """Take records in."""
        size, head = self._load.payload_bytes, self._load.number_at.stop
        values = [message.value() or b"" for message in messages]
        heads = b"".join([v[:head] if len(v) == size else b"/" * head for v in values])
        rows = np.frombuffer(heads, dtype=np.uint8).reshape(-1, head)
        device, number = (
            numbers(rows[:, self._load.device_at]),
            numbers(rows[:, self._load.number_at]),
        )
        partition = np.array([message.partition() for message in messages], dtype=np.int64)
        self._parts.append((device, number, partition))
        if self._keyed:
            keys = self._keys
            self._wrong_keys += sum(
                not 0 <= d < len(keys) or message.key() != keys[d]
                for d, message in zip(device.tolist(), messages, strict=True)
            )

    def verdict(self, sent: int) -> Verdict:
        """Judge all of it."""
        empty = np.zeros(0, dtype=np.int64)
        device, number, partition = (
            np.concatenate([empty, *column]) for column in zip(*self._parts, strict=True)
        )
        wrong = 0
        if self._keyed:
            homes = np.array([(murmur2(key) & 0x7FFFFFFF) % PARTITIONS for key in self._keys])
            wrong = int(np.count_nonzero(homes[device % self._load.topics] != partition))
        return judge(
            device,
            number,
            partition,
            topics=self._load.topics,
            sent=sent,
            wrong_keys=self._wrong_keys,
            wrong_partitions=wrong,
        )
