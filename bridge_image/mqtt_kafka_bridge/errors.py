"""The two families of errors: what somebody must fix, and what passes by itself.

Both are tried again with back-off, for a person may fix the one while the bridge runs; they
differ in what is said and in how loudly.
"""

from mqtt_kafka_bridge.contract.status import Reason, Trouble


class BridgeError(Exception):
    """Base: something is wrong, with a fixed reason, a sentence, and a cure."""

    def __init__(self, reason: Reason, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.cure = cure

    @property
    def trouble(self) -> Trouble:
        """The same, as `/status` shows it."""
        return Trouble(reason=self.reason, message=self.message, cure=self.cure)


class MustFixError(BridgeError):
    """Somebody must change something: a password, an address, a right, a topic."""


class PassingError(BridgeError):
    """It passes by itself: a broker restarts, a network is slow."""


class RefusedError(Exception):
    """One message can't be forwarded; it goes by the mapping's `onError`.

    Args:
        reason: CamelCase word, ends in the `deadletter.reason` header and in metrics.
        message: what is wrong with it, and where.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class LeaseRefusedError(Exception):
    """Kafka says that a slot is not ours (any more): its sessions must not run here."""
