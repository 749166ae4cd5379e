"""Which sessions this pod has to run, and which of them replace others (design: Sessions).

A *lineage* is all sessions of one member of one mapping: they share a slot, and in the end one of
them forwards, or none.
"""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.mappings import MqttToKafka
from mqtt_kafka_bridge.coordination.records import RecordState
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.coordination.view import Entry, View
from mqtt_kafka_bridge.mapping.names import session_client_id

LineageId = tuple[str, int]
"""Mapping and member."""
_Stored = tuple[str, Entry]
"""Client id and record."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A session that there should be, or that has to be drained."""

    client_id: str
    mapping: MqttToKafka
    """By which it forwards."""
    member: int
    generation: int
    """Of the configuration that `mapping` is from: what its records have to say."""
    leaving: bool = False
    """Whether it may be unsubscribed already, and must not be subscribed again."""

    @classmethod
    def stored(cls, client_id: str, entry: Entry) -> "Wanted":
        """Return a session as it is recorded."""
        record = entry.record
        return cls(client_id, record.definition, record.member, record.generation, record.leaving)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What becomes of the sessions of one member of a mapping."""

    slot: int
    new: Wanted | None
    """By which to forward in the end; None: the mapping or the member was removed."""
    old: list[Wanted]
    """To be drained and retired first, one after the other: until the one before it is retired,
    each of these holds what comes, as `new` does. Plan again afterwards."""
    stopped: bool = False
    """Whether it was stopped and nobody has asked to resume it."""
    unraised: bool = False
    """Whether another content has the same generation: then what is stored goes on."""


def desired(config: BridgeConfig) -> list[Wanted]:
    """Return the sessions of a configuration.

    Raises:
        GrammarError: a filter can't be read.
    """
    return [
        Wanted(session_client_id(config, mapping, member), mapping, member, config.generation)
        for mapping in config.mqtt_to_kafka
        for member in range(mapping.sessions)
    ]


def plan(
    config: BridgeConfig, view: View, slots_mine: AbstractSet[int], slots_total: int
) -> dict[LineageId, Lineage]:
    """Return what to run in the slots that are ours.

    A pod begins to replace and to retire only what has a lower generation than its own
    configuration. Once it reads a higher one it decides nothing: it serves what is stored, as that
    is stored.

    Raises:
        GrammarError: a filter of the configuration can't be read.
    """
    stored: dict[LineageId, list[_Stored]] = defaultdict(list)
    for client_id, entry in view.sessions.items():
        if entry.record.state is not RecordState.RETIRED:
            stored[entry.record.mapping, entry.record.member].append((client_id, entry))
    overruled = view.generation > config.generation
    wanted = {} if overruled else {(it.mapping.name, it.member): it for it in desired(config)}

    lineages = {}
    for name in sorted(stored.keys() | wanted.keys()):
        slot = slot_of(*name, slots_total)
        if slot in slots_mine:
            found = sorted(stored[name], key=lambda it: (it[1].record.generation, it[1].offset))
            if overruled:
                lineages[name] = _as_stored(slot, found, unraised=False)
            else:
                lineages[name] = _as_wanted(slot, found, wanted.get(name), config.generation)
    return lineages


def _as_wanted(
    slot: int, stored: Sequence[_Stored], wanted: Wanted | None, generation: int
) -> Lineage:
    """Return a lineage as the configuration wants it, unless its like wants something else."""
    others = [it for it in stored if wanted is None or it[0] != wanted.client_id]
    if any(entry.record.generation == generation for _, entry in others):
        return _as_stored(slot, stored, unraised=True)
    if wanted is not None and wanted.client_id in [client_id for client_id, _ in stored[:-1]]:
        # An edit was taken back while it was carried out: a session can't replace its successor.
        return _as_stored(slot, stored, unraised=False, wanted=wanted)
    return Lineage(
        slot,
        wanted,
        [_drained(Wanted.stored(*it), wanted) for it in others],
        stopped=_is_stopped(stored, wanted),
        unraised=wanted is not None and any(_is_disputed(entry, wanted) for _, entry in stored),
    )


def _as_stored(
    slot: int, stored: Sequence[_Stored], *, unraised: bool, wanted: Wanted | None = None
) -> Lineage:
    """Return a lineage as it is recorded, in the middle of a replacement if it was.

    Each was made to replace those before it, and only it holds what they no longer get: to serve
    another order would turn the order of messages round.
    """
    every = [Wanted.stored(*it) for it in stored]
    *old, new = every if wanted is None else [_drained(it, wanted) for it in every]
    return Lineage(slot, new, old, stopped=_is_stopped(stored, new), unraised=unraised)


def _drained(old: Wanted, wanted: Wanted | None) -> Wanted:
    """Return an old session with what to do about a message that can't be forwarded now.

    That is what the configuration says now, and so is whether to resume, or nobody could cure what
    stops an old session. Of a mapping that was removed nothing can be edited any more, and so it
    does not stop.
    """
    current = old.mapping if wanted is None else wanted.mapping
    on_error = current.on_error
    if wanted is None and on_error == "Stop":
        on_error = "DeadLetter"
    said = {"on_error": on_error, "resume_token": current.resume_token}
    return replace(old, mapping=old.mapping.model_copy(update=said))


def _is_stopped(stored: Sequence[_Stored], new: Wanted | None) -> bool:
    """Tell whether a session was stopped and not resumed; what was removed is drained anyway."""
    return new is not None and any(
        entry.record.state is RecordState.STOPPED
        and entry.record.definition.resume_token == new.mapping.resume_token
        for _, entry in stored
    )


def _is_disputed(entry: Entry, wanted: Wanted) -> bool:
    """Tell whether a record has our generation and another content.

    A new resume token is no other content: the operator copies it from an annotation, which
    raises no generation.
    """
    stored = entry.record.definition
    resumed = wanted.mapping.model_copy(update={"resume_token": stored.resume_token})
    return entry.record.generation == wanted.generation and stored != resumed
