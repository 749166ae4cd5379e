"""What a run is judged by when all is over: loss, order, duplicates (L, O, D)."""

from collections import defaultdict
from collections.abc import Iterable

from mqtt_kafka_bridge.flows.ports import TopicPartition
from tests.support.numbered import Numbered, numbered
from tests.support.simulation.editions import LINES, ORDERS
from tests.support.simulation.fates import Fate
from tests.support.simulation.plan import DEAD_LETTERS
from tests.support.simulation.sessions import Message
from tests.support.simulation.world import World

_SHOWN = 5


def check(world: World, sent: Iterable[Message]) -> None:
    """Write everything that is wrong into the journal."""
    reliable = [message for message in sent if message.qos]
    _check_stored(world, reliable)
    _check_stored_order(world, reliable)
    _check_heard(world)
    if world.plan.outbound_qos:
        _check_heard_order(world)


def _check_stored(world: World, sent: list[Message]) -> None:
    journal, stored, lost = world.journal, world.stored, world.broker.lost
    missing = [
        message.payload[:40]
        for message in sent
        if message.sent and message.promised and message.payload not in lost
        if not stored.has(message.payload, message.fate)
    ]
    if missing:
        journal.wrong("L", f"{len(missing)} are not in Kafka: {missing[:_SHOWN]}")
    astray = [
        message.payload[:40]
        for message in sent
        if message.fate is Fate.FORWARDED and stored.is_dead(message.payload)
    ]
    if astray:
        journal.wrong("L", f"{len(astray)} were refused for no reason: {astray[:_SHOWN]}")
    again = sum(max(0, stored.times[message.payload] - 1) for message in sent if message.payload)
    if again > (most := world.allowances.stored_again + world.broker.sent_again):
        journal.wrong("D", f"{again} were stored again, at most {most} may be")


def _check_stored_order(world: World, sent: Iterable[Message]) -> None:
    """See to the order of what the broker did not forget, and whose fate did not change.

    A dead letter for want of its topic is forwarded in a replay when the topic is there by then.
    """
    lost = world.broker.lost
    ordered = {
        m.payload
        for m in sent
        if m.sent and m.promised and m.payload not in lost and m.fate is Fate.FORWARDED
    }
    # First occurrences, wherever: after a partition was added a key goes on in another one.
    first: dict[TopicPartition, list[bytes]] = defaultdict(list)
    for place, record in world.kafka.history:
        if record.value in ordered and place.topic not in (ORDERS, DEAD_LETTERS):
            ordered.discard(record.value)
            first[place].append(record.value)
    for place, values in first.items():
        found = _disorder(numbered(value) for value in values)
        if found and (world.promises.per_key or not place.topic.startswith(LINES)):
            world.journal.wrong("O", f"{place}: {found[:_SHOWN]}")


def _check_heard(world: World) -> None:
    heard, stored, journal = world.broker.heard, world.stored, world.journal
    missing = []
    for place, fates in world.order_fates.items():
        for record in world.kafka.kept[place]:
            value, fate = record.value or b"", fates[record.offset]
            if fate is Fate.FILTERED or (fate is not Fate.DEAD and heard.times[value]):
                continue
            refused = value in heard.refused
            if refused and world.plan.on_error == "Drop":
                continue
            if (fate is not Fate.FORWARDED or refused) and stored.is_dead(value):
                continue
            missing.append(value[:40])
    if missing and world.plan.outbound_qos:
        journal.wrong("L", f"{len(missing)} were not heard: {missing[:_SHOWN]}")
    again = heard.duplicates()
    if again > (most := world.allowances.heard_again):
        journal.wrong("D", f"{again} heard again, at most {most} may be")


def _check_heard_order(world: World) -> None:
    heard = world.broker.heard
    found = _disorder(numbered(each) for each in heard.payloads if each not in heard.refused)
    if found:
        world.journal.wrong("O", f"heard: {found[:_SHOWN]}")


def _disorder(messages: Iterable[Numbered | None]) -> list[tuple[Numbered, int]]:
    """Return first occurrences that come after a higher number of their key, and that number."""
    highest: dict[str, int] = defaultdict(lambda: -1)
    seen, wrong = set(), []
    for message in messages:
        if message is None:
            continue
        if message not in seen and message.number < highest[message.key]:
            wrong.append((message, highest[message.key]))
        seen.add(message)
        highest[message.key] = max(highest[message.key], message.number)
    return wrong
