"""Which sessions this pod has to run, and which of them replace others (design: Sessions).

A *lineage* is all sessions of one member of one mapping: they share a slot, and in the end one of
them forwards, or none.
"""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.coordination.records import RecordState
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.coordination.view import Entry, View
from mqtt_kafka_bridge.mapping.names import session_client_id

LineageId = tuple[str, int]
"""Mapping and member."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A session that there should be, or that has to be drained."""

    client_id: str
    mapping: MqttToKafka
    """By which it forwards."""
    member: int
    generation: int
    """Of the configuration that `mapping` is from: what its records have to say."""

    @classmethod
    def stored(cls, client_id: str, entry: Entry) -> "Wanted":
        """Return a session as it is recorded."""
        record = entry.record
        return cls(client_id, record.definition, record.member, record.generation)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What becomes of the sessions of one member of a mapping."""

    slot: int
    new: Wanted | None
    """By which to forward in the end; None: the mapping or the member was removed."""
    old: list[Wanted]
    """To be drained and retired first, in this order."""
    stopped: bool = False
    """Whether it was stopped and nobody has asked to resume it."""
    unraised: bool = False
    """Whether another content has the same generation: then what is stored goes on."""


def desired(config: BridgeConfig) -> list[Wanted]:
    """Return the sessions of a configuration."""
    return [
        Wanted(session_client_id(config, mapping), mapping, 0, config.generation)
        for mapping in config.mqtt_to_kafka
    ]


def plan(
    config: BridgeConfig, view: View, slots_mine: AbstractSet[int], slots_total: int
) -> dict[LineageId, Lineage]:
    """Return what to run in the slots that are ours.

    A pod replaces and retires only what has a lower generation than its own configuration. Once
    it reads a higher one it decides nothing: it serves what is stored, as that is stored.
    """
    stored: dict[LineageId, list[tuple[str, Entry]]] = defaultdict(list)
    for client_id, entry in view.sessions.items():
        if entry.record.state is not RecordState.RETIRED:
            stored[entry.record.mapping, entry.record.member].append((client_id, entry))
    overruled = view.generation > config.generation
    wanted = {} if overruled else {(w.mapping.name, w.member): w for w in desired(config)}

    lineages = {}
    for lineage in sorted(stored.keys() | wanted.keys()):
        slot = slot_of(*lineage, slots_total)
        if slot not in slots_mine:
            continue
        found = sorted(stored[lineage], key=lambda it: (it[1].record.generation, it[1].offset))
        own = None if overruled else config.generation
        lineages[lineage] = _lineage(slot, wanted.get(lineage), found, own)
    return lineages


def _lineage(
    slot: int,
    wanted: Wanted | None,
    stored: Sequence[tuple[str, Entry]],
    own_generation: int | None,
) -> Lineage:
    """Decide on one lineage.

    Args:
        slot: its slot.
        wanted: what the configuration wants.
        stored: what is recorded, the oldest first.
        own_generation: None if a higher one overrules it.
    """
    others = [Wanted.stored(*it) for it in stored if wanted is None or it[0] != wanted.client_id]
    disputed = any(other.generation == own_generation for other in others)
    if own_generation is None or disputed:
        # What is stored goes on, a replacement too: the younger one holds what comes next.
        *old, new = [Wanted.stored(*it) for it in stored]
        return Lineage(slot, new, old, _is_stopped(stored, new), unraised=disputed)
    unraised = wanted is not None and any(
        entry.record.generation == own_generation and entry.record.definition != wanted.mapping
        for _, entry in stored
    )
    return Lineage(slot, wanted, others, _is_stopped(stored, wanted), unraised)


def _is_stopped(stored: Sequence[tuple[str, Entry]], new: Wanted | None) -> bool:
    """Tell whether a session was stopped and not resumed; what was removed is drained anyway."""
    return new is not None and any(entry.record.state is RecordState.STOPPED for _, entry in stored)
