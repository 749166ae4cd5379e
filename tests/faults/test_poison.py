"""Row 13: every 100th message can't be forwarded."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import Producer

from tests.support.bridge import Bridge
from tests.support.kafka_sink import KafkaSink, Record
from tests.support.ledger import Ledger
from tests.support.mqtt_publisher import Publisher
from tests.support.mqtt_source import MqttSource
from tests.support.scenario_checks import await_counts, check_ledger
from tests.support.scenario_config import inbound
from tests.support.site import Inbound, Outbound, Site

MakeBridge = Callable[..., Bridge]
ROUNDS = 12
"""Of 99 good messages and a poisonous one."""
PROPERTIES = [("origin", "test"), ("origin", "again"), ("unit", "°C")]
PAYLOADS = {
    b"\xff\x00 not even UTF-8": "PayloadNotJson",
    b'{"number": 1}': "ValueMissing",
    b'{"key": {"a": 1}, "number": 1}': "ValueNotScalar",
}
LEVEL = "b" * 250
KEYS: tuple[bytes | None, ...] = (None, b"a+b", b"a/#", b"\xff\xfe")


def dead_letters(site: Site, name: str, count: int) -> list[Record]:
    """Return the dead letters of a bridge: so many and no more."""
    with KafkaSink(site.kafka.bootstrap, f"mqttkafka.local.{name}.dead-letters") as sink:
        sink.await_records(count, 20)
        assert len(sink.read()) == count
        return sink.records


def test_poison_from_mqtt_goes_to_the_dead_letters_and_all_else_to_its_topic(
    site: Site, unique: str, make_bridge: MakeBridge
) -> None:
    """Bad payloads for a key from the payload, and levels that can't become a topic's name."""
    flow, by_level = Inbound(site, unique), Ledger()
    level_topic = site.kafka.admin.create_topic(f"{unique}.level.a", 3)
    config = site.config(flow)
    config["mqttToKafka"] = [
        inbound("telemetry", f"{unique}/{{device}}", flow.topic, key="{payload.key}"),
        inbound(
            "levels",
            f"{unique}-level/{{level}}/{{device}}",
            f"{unique}.level.{{level}}",
            key="{device}",
        ),
    ]
    bridge = make_bridge(config)
    bridge.up()
    levels = MqttSource(site.mosquitto.url, f"{unique}-level/a/{{key}}", by_level)
    site.background.enter(levels)
    poisoner = site.background.enter(Publisher(site.mosquitto.url))
    poison = list(PAYLOADS) * (ROUNDS // len(PAYLOADS))

    async def feed() -> None:
        for payload in poison:
            await flow.source.publish(99)
            await levels.publish(99)
            await poisoner.publish(
                f"{unique}/sick", payload, 1, user_properties=PROPERTIES, content_type="text/plain"
            )
            await poisoner.publish(
                f"{unique}-level/{LEVEL}/sick", payload, 1, user_properties=PROPERTIES
            )

    site.background.run(feed())
    site.background.run(levels.settled())
    records = flow.complete()
    with KafkaSink(site.kafka.bootstrap, level_topic, by_level) as sink:
        assert len(sink.read_until_complete(20)) == 99 * ROUNDS
    assert len(records) == 99 * ROUNDS
    flow.ledger.check()
    by_level.check()

    for mapping in ("telemetry", "levels"):
        await_counts(bridge, mapping, dead_lettered=ROUNDS, forwarded=99 * ROUNDS, in_flight=0)
    letters = dead_letters(site, unique, 2 * ROUNDS)
    see_headers(letters, unique)
    see_reasons([x for x in letters if x.header("deadletter.mapping") == b"telemetry"], poison)
    check_ledger(bridge)
    assert flow.check_wire()
    assert bridge.terminate() == 0
    assert "mapping waits" not in bridge.log


def see_headers(letters: list[Record], name: str) -> None:
    """Check that a dead letter holds all that its message had."""
    for letter in letters:
        topic = (letter.header("deadletter.topic") or b"").decode()
        assert topic in (f"{name}/sick", f"{name}-level/{LEVEL}/sick")
        assert letter.key == letter.header("mqtt.topic") == topic.encode()
        kept = [(n, v.decode()) for n, v in letter.headers if n in {"origin", "unit"}]
        assert kept == PROPERTIES
        assert letter.value in PAYLOADS
    typed = [letter for letter in letters if letter.header("mqtt.contentType") == b"text/plain"]
    assert len(typed) == ROUNDS


def see_reasons(letters: list[Record], poison: list[bytes]) -> None:
    """Check that each says why, and that they came in order."""
    ordered = sorted(letters, key=lambda letter: (letter.partition, letter.offset))
    assert [letter.value for letter in ordered] == poison
    assert all(letter.header("deadletter.reason") for letter in ordered)


def test_poison_from_kafka_goes_to_the_dead_letters_and_all_else_to_mqtt(
    site: Site, unique: str, make_bridge: MakeBridge
) -> None:
    """Keys that can't become a level of an MQTT topic."""
    flow = Outbound(site, unique)
    bridge = make_bridge(site.config(flow))
    bridge.up()
    producer = Producer({"bootstrap.servers": ",".join(site.kafka.bootstrap), "log_level": 0})
    poison = list(KEYS) * (ROUNDS // len(KEYS))
    headers: Any = [("origin", b"test"), ("binary", b"\xff\x00")]
    for n, key in enumerate(poison):
        flow.source.produce(99)
        producer.produce(flow.topic, key=key, value=b"%d" % n, headers=headers)
    assert producer.flush(20) == 0
    flow.complete()
    flow.ledger.check()
    await_counts(bridge, "commands", dead_lettered=ROUNDS, forwarded=99 * ROUNDS, in_flight=0)
    letters = dead_letters(site, unique, ROUNDS)
    assert {(x.key, x.value) for x in letters} == {(k, b"%d" % n) for n, k in enumerate(poison)}
    for letter in letters:
        assert letter.header("deadletter.reason")
        assert letter.header("deadletter.topic") == flow.topic.encode()
        assert [(n, v) for n, v in letter.headers if n in {"origin", "binary"}] == headers
    check_ledger(bridge)
    assert bridge.terminate() == 0
