"""The yardstick: the least that a Python bridge on these libraries can do, in both directions.

`mqtt5` decodes, aiokafka's batches carry, nothing else happens: no headers, metrics, dead letters,
reconnects, loop guard or checks. What the product costs more is the price of what it adds. Not a
bridge for use: any error ends it.
"""

import argparse
import asyncio
import gc
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import mqtt5
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.partitioner import murmur2

from bench.baseline_link import Link
from bench.messages import COMMAND_TOPIC, FILTER, PACKET_IDS

_BATCH_BYTES = 1 << 20
_ROUNDS = 2
_COMMIT_SECONDS = 1.0
_PUBACK = [bytes([0x40, 2, packet_id >> 8, packet_id & 0xFF]) for packet_id in range(65536)]


class ToKafka:
    """MQTT to Kafka: all that came becomes one round of batches, PUBACKs leave in rounds."""

    def __init__(
        self, link: Link, producer: AIOKafkaProducer, arguments: argparse.Namespace
    ) -> None:
        self._link = link
        self._producer = producer
        self._arguments = arguments
        self._homes: dict[str, tuple[int, bytes]] = {}
        self._rounds: asyncio.Queue[tuple[list[Any], list[bytes]]] = asyncio.Queue()
        self._places = asyncio.Semaphore(_ROUNDS)

    async def run(self) -> None:
        """Forward until cancelled."""
        link, options = self._link, self._arguments
        self._partitions = len(await self._producer.partitions_for(options.topic))
        wanted = mqtt5.TopicFilter(
            FILTER.replace("{line}", "+").replace("{device}", "+"), max_qos=mqtt5.QoS(options.qos)
        )
        link.transport.write(mqtt5.SubscribePacket(1, [wanted]).write())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._acknowledge())
            while True:
                await self._places.acquire()
                if not options.qos:
                    link.transport.resume_reading()
                publishes: list[mqtt5.PublishPacket] = []
                while not publishes:
                    publishes = await link.something()
                if not options.qos:
                    link.transport.pause_reading()  # nothing else bounds memory at QoS 0
                await self._store(publishes)

    async def _store(self, publishes: Sequence[mqtt5.PublishPacket]) -> None:
        producer, homes = self._producer, self._homes
        now_ms = int(time.time() * 1000)
        builders: dict[int, Any] = {}
        full: list[tuple[int, Any]] = []
        for packet in publishes:
            home = homes.get(packet.topic)
            if home is None:
                key = packet.topic.encode()
                home = (murmur2(key) & 0x7FFFFFFF) % self._partitions, key
                homes[packet.topic] = home
            partition, key = home
            builder = builders.get(partition)
            if builder is None:
                builder = builders[partition] = producer.create_batch()
            if builder.append(timestamp=now_ms, key=key, value=packet.payload) is None:
                full.append((partition, builder))
                builder = builders[partition] = producer.create_batch()
                builder.append(timestamp=now_ms, key=key, value=packet.payload)
        full += builders.items()
        topic = self._arguments.topic
        stored = [
            await producer.send_batch(batch, topic, partition=partition)
            for partition, batch in full
        ]
        acks = [_PUBACK[packet.packet_id] for packet in publishes if packet.packet_id]
        self._rounds.put_nowait((stored, acks))

    async def _acknowledge(self) -> None:
        while True:
            stored, acks = await self._rounds.get()
            for future in stored:
                await future
            self._places.release()
            if acks:
                self._link.transport.write(b"".join(acks))


def _raw_record(_records: object, _partition: object, record: object) -> object:
    """Hand out aiokafka's C record itself: a ConsumerRecord a record is a quarter of the cost."""
    return record


class ToMqtt:
    """Kafka to MQTT: a window at a time; each second, what was acknowledged is committed."""

    def __init__(
        self, link: Link, consumer: AIOKafkaConsumer, arguments: argparse.Namespace
    ) -> None:
        self._link = link
        self._consumer = consumer
        self._window = arguments.window
        self._is_acknowledged = arguments.qos > 0
        self._topics: dict[bytes, str] = {}
        self._packet_id = 0
        self._sent = 0
        self._pending: deque[tuple[int, dict[TopicPartition, int]]] = deque()

    async def run(self) -> None:
        """Forward until cancelled."""
        self._window = min(await self._link.connected, self._window)
        committed_at = time.monotonic()
        while True:
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=5000)
            for records in fetched.values():
                await self._publish(records)
            if fetched:
                ends = {home: records[-1].offset + 1 for home, records in fetched.items()}
                self._pending.append((self._sent, ends))
            if time.monotonic() > committed_at + _COMMIT_SECONDS:
                committed_at = time.monotonic()
                if offsets := self._settled():
                    await self._consumer.commit(offsets)

    async def _publish(self, records: Sequence[Any]) -> None:
        link, at = self._link, 0
        while at < len(records):
            await link.writable.wait()
            if not (room := self._window - len(link.unacknowledged)):
                await link.something()
                continue
            packets = [self._packet(record.key, record.value) for record in records[at : at + room]]
            at += len(packets)
            self._sent += len(packets)
            link.transport.write(b"".join(packets))

    def _packet(self, key: bytes, value: bytes) -> bytes:
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = COMMAND_TOPIC.replace("{key}", key.decode())
        if not self._is_acknowledged:
            return mqtt5.PublishPacket(topic, value).write()
        self._packet_id = packet_id = self._packet_id % PACKET_IDS + 1
        self._link.unacknowledged.append(packet_id)
        return mqtt5.PublishPacket(
            topic, value, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=packet_id
        ).write()

    def _settled(self) -> dict[TopicPartition, int]:
        """Return the offsets below which everything is acknowledged."""
        acknowledged = self._sent - len(self._link.unacknowledged)
        offsets: dict[TopicPartition, int] = {}
        while self._pending and self._pending[0][0] <= acknowledged:
            offsets.update(self._pending.popleft()[1])
        return offsets


async def bridge(arguments: argparse.Namespace) -> None:
    """Connect both ends and forward."""
    loop = asyncio.get_running_loop()
    _, link = await loop.create_connection(
        lambda: Link(arguments.client_id, arguments.window), "127.0.0.1", arguments.mqtt_port
    )
    if arguments.direction == "mqtt-to-kafka":
        producer = AIOKafkaProducer(
            bootstrap_servers=arguments.kafka,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            max_request_size=8 * _BATCH_BYTES,
            compression_type=None if arguments.compression == "none" else arguments.compression,
        )
        await producer.start()
        await link.connected
        await ToKafka(link, producer, arguments).run()
    else:
        fetcher.PartitionRecords._consumer_record = _raw_record  # noqa: SLF001 - see _raw_record
        consumer = AIOKafkaConsumer(
            arguments.topic,
            bootstrap_servers=arguments.kafka,
            group_id=arguments.client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            check_crcs=False,
        )
        await consumer.start()
        await ToMqtt(link, consumer, arguments).run()


def main() -> None:
    """Run until a signal ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("direction", choices=["mqtt-to-kafka", "kafka-to-mqtt"])
    parser.add_argument("--mqtt-port", type=int, required=True)
    parser.add_argument("--kafka", required=True, help="host:port")
    parser.add_argument("--topic", required=True, help="the Kafka topic")
    parser.add_argument("--client-id", required=True, help="MQTT client id and Kafka group")
    parser.add_argument("--window", type=int, default=8192, help="most messages unacknowledged")
    parser.add_argument("--qos", type=int, default=1, choices=[0, 1])
    parser.add_argument("--compression", default="none", help="none, zstd, lz4, snappy or gzip")
    arguments = parser.parse_args()
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 50)
    uvloop.run(bridge(arguments))


if __name__ == "__main__":
    main()
