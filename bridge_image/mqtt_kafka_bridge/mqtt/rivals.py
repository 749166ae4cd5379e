"""Whether another client uses our client id, told from how connections ended. Pure.

A broker lets a client id connect once: the newer connection ends the older one [MQTT-3.1.4-3]. Two
that both come again would end each other for ever. MQTT 5 says so (0x8E), but Mosquitto 2.0.11 only
closes the connection, as a broker that stops does. What tells them apart: who was taken over finds
the broker there, and a broker that stops refuses the next connect, if that comes at once. With 10
ms between, one in seven restarts of a Mosquitto on a busy machine went unseen; without, none.
"""

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import BridgeError
from mqtt_kafka_bridge.mqtt.reasons import SilentEndError, identity_conflict

ENDS = 3
"""So many ends make a rival: one is a broker's restart, two are bad luck."""
WITHIN_SECONDS = 300.0
"""How near to each other they have to be."""
SETTLED_SECONDS = 300.0
"""A connection that lived so long has no rival, whatever was before. It is longer than those live
that two rivals leave each other (`CONTESTED_DELAY_SECONDS`)."""


class Rivals:
    """Looks at the ends of one client id's connections, one after the other."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._ends: list[float] = []
        self._contested = False

    def judge(self, error: BridgeError, now: float, lived_seconds: float | None) -> BridgeError:
        """Take the end of a connection, or of an attempt to make one.

        Args:
            error: how it ended.
            now: when, in seconds.
            lived_seconds: how long the broker served it; None: it was not accepted.

        Returns:
            The same error, or that of a conflict.
        """
        if lived_seconds is not None and lived_seconds >= SETTLED_SECONDS:
            self._contested = False
        if not isinstance(error, SilentEndError) and error.reason is not Reason.MQTT_TAKEN_OVER:
            if lived_seconds is None:  # The broker was away: it was itself what ended the last one.
                self._ends.clear()
            return error
        self._ends = [at for at in self._ends if now - at < WITHIN_SECONDS] + [now]
        if len(self._ends) >= ENDS:
            self._contested = True
        if not self._contested:
            return error
        return identity_conflict(self._client_id, len(self._ends), now - self._ends[0], error)
