"""mq-bridge, the fastest peer: a Rust bridge (rumqttc, librdkafka) from PyPI, run as a process.

Configured as well as it can be; what it can't do stands in docs/benchmarks.md. Its MQTT input keeps
no MQTT topic, so its Kafka keys are message ids, and its MQTT output has one fixed topic.
"""

import argparse

from mq_bridge import Route

_STARTUP_MS = 20_000


def route(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the route's configuration."""
    mqtt: dict[str, object] = {
        "url": f"tcp://127.0.0.1:{arguments.mqtt_port}",
        "client_id": arguments.client_id,
        "protocol": "v5",
        "qos": arguments.qos,
        "max_inflight": arguments.window,
        "queue_capacity": arguments.window,
        "session_expiry_interval": 3600,
    }
    kafka: dict[str, object] = {"url": arguments.kafka, "topic": arguments.topic}
    if arguments.direction == "mqtt-to-kafka":
        source = {"mqtt": {**mqtt, "topic": "plant/+/+/telemetry"}}
        producer = [
            ["acks", "all"],
            ["enable.idempotence", "true"],
            ["linger.ms", str(arguments.linger_ms)],
            ["compression.type", arguments.compression],
        ]
        target = {"kafka": {**kafka, "create_topic": False, "producer_options": producer}}
    else:
        consumer = [["auto.offset.reset", "earliest"]]
        source = {"kafka": {**kafka, "group_id": arguments.client_id, "consumer_options": consumer}}
        target = {"mqtt": {**mqtt, "topic": "plant/all/command"}}
    return {
        "input": source,
        "output": target,
        "batch_size": arguments.batch,
        "concurrency": arguments.concurrency,
        "startup_timeout_ms": _STARTUP_MS,
    }


def main() -> None:
    """Run the route until a signal ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("direction", choices=["mqtt-to-kafka", "kafka-to-mqtt"])
    parser.add_argument("--mqtt-port", type=int, required=True)
    parser.add_argument("--kafka", required=True, help="host:port")
    parser.add_argument("--topic", required=True, help="the Kafka topic")
    parser.add_argument("--client-id", required=True, help="MQTT client id and Kafka group")
    parser.add_argument("--window", type=int, default=8192, help="most messages unacknowledged")
    parser.add_argument("--qos", type=int, default=1, choices=[0, 1])
    parser.add_argument("--compression", default="none")
    parser.add_argument("--batch", type=int, default=8192, help="most messages in one batch")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--linger-ms", type=int, default=5)
    Route.from_config(route(parser.parse_args())).run()


if __name__ == "__main__":
    main()
