"""What the simulated MQTT broker does wrong at the moment, on purpose."""

from random import Random


class MqttFaults:
    """What the broker does wrong at the moment, on purpose."""

    def __init__(self, rng: Random) -> None:
        self.connect_code: int | None = None
        self.subscribe_code: int | None = None
        self.publish_codes: list[int] = []
        """Reason codes of PUBACKs, one picked for each PUBLISH."""
        self.cut: set[str] = set()
        """Packets after which the connection is closed at once, as soon as one was sent."""
        self._rng = rng

    def refuse_connect(self) -> int | None:
        """Return the reason code to refuse a CONNECT with."""
        return self.connect_code

    def refuse_subscribe(self) -> int | None:
        """Return the reason code to refuse a subscription with."""
        return self.subscribe_code

    def refuse_publish(self) -> int:
        """Return the reason code of the PUBACK for a PUBLISH."""
        return self._rng.choice(self.publish_codes) if self.publish_codes else 0

    def cut_after(self, packet: str) -> bool:
        """Tell whether to close now; once."""
        if packet not in self.cut:
            return False
        self.cut.discard(packet)
        return True

    def heal(self) -> None:
        """Do nothing wrong any more."""
        self.connect_code = self.subscribe_code = None
        self.publish_codes = []
        self.cut.clear()
