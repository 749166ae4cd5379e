"""What the operator knows of itself, as plain values."""

import time
from collections import Counter
from dataclasses import dataclass, field

from mqtt_kafka_operator.api import MqttKafkaBridgeStatus

DRIFT_LATE_SECONDS = 1500.0
"""Without a drift pass for so long the operator that leads is of no use."""


@dataclass
class Board:
    """Written by those that work, read by those that tell."""

    leading: bool = False
    drift_at: float = field(default_factory=time.monotonic)
    conditions: dict[tuple[str, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Type and status of the conditions of each bridge."""

    def show(self, bridge: tuple[str, str], status: MqttKafkaBridgeStatus | None) -> None:
        """Take note of a bridge's status; None: it is gone."""
        if status is None:
            self.conditions.pop(bridge, None)
        else:
            self.conditions[bridge] = tuple((it.type, it.status) for it in status.conditions)

    def drift_done(self) -> None:
        """Take note that everything was looked at."""
        self.drift_at = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether it does what it is there for."""
        return not self.leading or time.monotonic() - self.drift_at < DRIFT_LATE_SECONDS

    def counts(self) -> Counter[tuple[str, str]]:
        """Count the bridges by condition."""
        return Counter(it for conditions in self.conditions.values() for it in conditions)
