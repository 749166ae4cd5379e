"""The editions of a bridge's configuration: what is edited, and what each of them promises."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.coordination.plan import desired
from tests.support.simulation.plan import DEAD_LETTERS, DRAIN_SECONDS, Plan
from tests.support.simulation.routing import matches

LINES, ROOMS, ORDERS = "lines", "rooms", "orders"
_NARROW, _WIDE = "plant/{device}/t", "plant/{device}/+"
_ROOM_FILTER = "room/{room}/{device}"


@dataclass(frozen=True, slots=True)
class Edition:
    """One configuration.

    Args:
        plan: what it is made from.
        generation: rises with each edit.
        on_error: what mappings do with what can't be forwarded.
        filter: of the mapping `lines`; None: it is removed.
        retained: of the same.
        topic: of the same.
        sessions: of the same; 0: ordering PerKey.
        resumed: whether what a message stopped is to go on.
    """

    plan: Plan
    generation: int
    on_error: str
    filter: str | None = _NARROW
    retained: str = "Include"
    topic: str = LINES
    sessions: int = 0
    resumed: bool = False

    @classmethod
    def first(cls, plan: Plan) -> "Edition":
        """Return the one that a run begins with."""
        return cls(plan, 1, plan.on_error, sessions=plan.sessions)

    def edited(self, rng: Random) -> "Edition":
        """Return the next one, with something changed."""
        base = replace(self, generation=self.generation + 1)
        if self.filter is None:
            return replace(base, filter=_NARROW)
        match rng.randrange(6):
            case 0:
                return replace(base, filter=_WIDE if self.filter == _NARROW else _NARROW)
            case 1:
                return replace(base, retained="Skip" if self.retained == "Include" else "Include")
            case 2:
                return replace(base, topic="lines2" if self.topic == LINES else LINES)
            case 3:
                return replace(base, filter=None)
            case _:
                return replace(
                    base, sessions=rng.choice([n for n in range(4) if n != self.sessions])
                )

    def lenient(self) -> "Edition":
        """Return the next one, in which no message stops a mapping any more."""
        return replace(self, generation=self.generation + 1, on_error="DeadLetter", resumed=True)

    def promises(self, topic: str) -> bool:
        """Tell whether it asks for messages of an MQTT topic."""
        if topic.startswith("room/"):
            return self.plan.templated
        return self.filter is not None and matches(self.filter.replace("{device}", "+"), topic)

    @property
    def client_ids(self) -> set[str]:
        """The sessions that there are to be."""
        return {wanted.client_id for wanted in desired(self.config())}

    def config(self) -> BridgeConfig:
        """Return it as the bridge reads it."""
        plan = self.plan
        return BridgeConfig.model_validate(
            {
                "version": 1,
                "name": "sim",
                "generation": self.generation,
                "mqtt": {
                    "servers": ["mqtt://simulated"],
                    "receiveMaximum": plan.receive_maximum,
                },
                "kafka": {
                    "bootstrapServers": ["simulated:9092"],
                    "coordination": {"type": "Kafka" if plan.pods else "None"},
                },
                "mqttToKafka": [*self._lines(), *self._rooms()],
                "kafkaToMqtt": self._orders(),
                "deadLetter": {"topic": DEAD_LETTERS},
                "limits": {"drain": f"{DRAIN_SECONDS}s"},
            }
        )

    @property
    def _key(self) -> str:
        return "{payload.key}" if self.plan.by_payload else "{device}"

    @property
    def _errors(self) -> dict[str, str]:
        return {"onError": self.on_error} | ({"resumeToken": "again"} if self.resumed else {})

    def _lines(self) -> list[dict[str, Any]]:
        if self.filter is None:
            return []
        sharing = {"ordering": "None", "sessions": self.sessions} if self.sessions else {}
        return [
            {
                "name": LINES,
                "from": {"filter": self.filter, "retained": self.retained},
                "to": {"topic": self.topic, "key": self._key, "emptyPayload": "Skip"},
                **self._errors,
                **sharing,
            }
        ]

    def _rooms(self) -> list[dict[str, Any]]:
        if not self.plan.templated:
            return []
        return [
            {
                "name": ROOMS,
                "from": {"filter": _ROOM_FILTER},
                "to": {"topic": "rooms.{room}", "key": self._key},
                **self._errors,
            }
        ]

    def _orders(self) -> list[dict[str, Any]]:
        if not self.plan.outbound:
            return []
        return [
            {
                "name": ORDERS,
                "from": {"topics": [ORDERS], "startFrom": self.plan.start_from},
                "to": {"topic": "out/{key}", "qos": self.plan.outbound_qos},
                "onError": self.on_error,
            }
        ]
