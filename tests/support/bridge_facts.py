"""Facts about a bridge named plant, for tests of what is concluded from them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mqtt_kafka_bridge.contract.status import (
    BridgeStatus,
    Counts,
    Direction,
    LinkStatus,
    MappingState,
    MappingStatus,
    Reason,
    SessionState,
    SessionStatus,
    Trouble,
)
from mqtt_kafka_operator.api import (
    Condition,
    MqttKafkaBridgeSpec,
    MqttKafkaBridgeStatus,
    OperatorReason,
)
from mqtt_kafka_operator.conditions import conclude
from mqtt_kafka_operator.facts import Facts, Pod, Silence, Workload

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)
SELECTOR = "mqttkafka.dev/bridge=plant"
TELEMETRY = "telemetry"
COMMANDS = "commands"
ROLLED_OUT = Workload(desired=1, replicas=1, updated=1, ready=1, settled=True)
SILENT = Silence(OperatorReason.STATUS_UNREACHABLE, "no answer within 5 s")


def spec(**changes: object) -> MqttKafkaBridgeSpec:
    """Return a spec with a mapping each way."""
    fields: dict[str, object] = {
        "mqtt": {"servers": ["mqtt://broker:1883"]},
        "kafka": {"bootstrapServers": ["kafka:9092"]},
        "mqttToKafka": [
            {"name": TELEMETRY, "from": {"filter": "plant/{device}"}, "to": {"topic": "plant"}}
        ],
        "kafkaToMqtt": [{"name": COMMANDS, "from": {"topics": ["c"]}, "to": {"topic": "c"}}],
    }
    return MqttKafkaBridgeSpec.model_validate(fields | changes)


def trouble(reason: Reason, message: str = "it is so", cure: str = "do this") -> Trouble:
    """Return a trouble as a bridge tells it."""
    return Trouble(reason=reason, message=message, cure=cure)


def up() -> LinkStatus:
    """Return a link that is usable."""
    return LinkStatus(connected=True)


def down(reason: Reason, message: str = "it is so", cure: str = "do this") -> LinkStatus:
    """Return a link that is not."""
    return LinkStatus(connected=False, trouble=trouble(reason, message, cure))


def mapping(
    name: str = TELEMETRY,
    state: MappingState = MappingState.FORWARDING,
    why: Trouble | None = None,
    **fields: Any,  # noqa: ANN401 - whatever the model takes
) -> MappingStatus:
    """Return what a pod says of a mapping; names that begin with c are from Kafka."""
    direction = Direction.KAFKA_TO_MQTT if name.startswith("c") else Direction.MQTT_TO_KAFKA
    known: dict[str, Any] = {"mqtt": up(), "kafka": up(), "counts": Counts()} | fields
    return MappingStatus(name=name, direction=direction, state=state, trouble=why, **known)


def waiting(name: str, reason: Reason, message: str = "it is so", side: str = "") -> MappingStatus:
    """Return a mapping that waits; with its link to one side down, or with both up."""
    link = {side: down(reason, message)} if side else {}
    return mapping(name, MappingState.WAITING, trouble(reason, message), **link)


def session(
    name: str = TELEMETRY,
    state: SessionState = SessionState.FORWARDING,
    since: datetime = LONG_AGO,
    member: int = 0,
) -> SessionStatus:
    """Return what a pod says of a session."""
    return SessionStatus(
        client_id=f"factory.plant.{name}.{member}",
        mapping=name,
        member=member,
        state=state,
        since=since,
    )


def says(
    *mappings: MappingStatus,
    sessions: Sequence[SessionStatus] | None = None,
    **changes: Any,  # noqa: ANN401 - whatever the model takes
) -> BridgeStatus:
    """Return the status of a pod; it has the session of each mapping from MQTT."""
    if sessions is None:
        sessions = [session(m.name) for m in mappings if m.direction is Direction.MQTT_TO_KAFKA]
    fields: dict[str, Any] = {
        "bridge": "plant",
        "namespace": "factory",
        "generation": 1,
        "pod": "plant-a",
        "started_at": LONG_AGO,
        "ready": True,
        "stopping": False,
        "mappings": list(mappings),
        "sessions": list(sessions),
    }
    return BridgeStatus(**(fields | changes))


def pod(name: str = "plant-a", **changes: Any) -> Pod:  # noqa: ANN401 - whatever it takes
    """Return a pod that is ready and can be asked."""
    known: dict[str, Any] = {"address": "10.0.0.1", "port": 8080, "ready": True}
    return Pod(name, **(known | changes))


def facts(*statuses: BridgeStatus, **changes: Any) -> Facts:  # noqa: ANN401 - whatever it takes
    """Return the facts of a bridge that is rolled out; pods are plant-a, plant-b and so on."""
    names = [f"plant-{letter}" for letter, _ in zip("abcdef", statuses, strict=False)]
    count = len(names)
    known: dict[str, Any] = {
        "name": "plant",
        "generation": 1,
        "spec": spec(),
        "config_generation": 1,
        "selector": SELECTOR,
        "workload": Workload(count, count, count, count, settled=True),
        "pods": tuple(pod(name) for name in names),
        "answers": dict(zip(names, statuses, strict=True)),
    }
    return Facts(**(known | changes))


def healthy(**changes: Any) -> Facts:  # noqa: ANN401 - whatever the facts take
    """Return the facts of a bridge with one pod, where all is well."""
    return facts(says(mapping(), mapping(COMMANDS)), **changes)


def concluded(
    it: Facts, previous: MqttKafkaBridgeStatus | None = None, now: datetime = NOW
) -> Mapping[str, Condition]:
    """Return the conditions that follow, by type."""
    return {condition.type: condition for condition in conclude(it, previous, now).conditions}
