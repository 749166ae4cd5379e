"""The right to run what is in a slot: proven before every CONNECT, handed over in good order."""

from typing import Final

from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import LeaseRefusedError, PassingError
from mqtt_kafka_bridge.flows.coordination_port import Coordination

LOOK_SECONDS: Final = 1.0
"""How often to look what has become of a slot that is being taken from us."""


class Lease:
    """A slot that the group gave to this pod, as one session in it needs it.

    Args:
        coordination: the group.
        slot: the slot.
    """

    def __init__(self, coordination: Coordination, slot: int) -> None:
        self._coordination = coordination
        self._slot = slot
        self.ended = False
        """Whether the session is being handed over, and wants it no longer."""
        assignment = coordination.assignment
        self._epoch = None if assignment is None else assignment.epoch

    async def prove(self) -> None:
        """Prove that the slot is ours; wait while it is being taken from us in good order.

        What else runs in it is about to be handed over, and a refusal would cut it short.

        Raises:
            LeaseRefusedError: it is not ours (any more).
            BridgeError: Kafka did not answer, or forbids it; or the session is handed over.
        """
        while True:
            try:
                await self._coordination.prove(self._slot)
            except LeaseRefusedError:
                if not self.is_being_taken:
                    raise
            else:
                return
            if self.ended:
                raise PassingError(Reason.STOPPING, "the session is being handed over")
            await self.look()

    @property
    def is_being_taken(self) -> bool:
        """Whether the group gave the slot to another, who waits until we hand it over."""
        assignment = self._coordination.assignment
        return (
            assignment is not None
            and assignment.epoch == self._epoch
            and self._slot not in assignment.slots
        )

    async def look(self) -> None:
        """Wait until something may have become of it."""
        await self._coordination.bell.wait(LOOK_SECONDS)

    def end(self) -> None:
        """Want it no longer: who waits for it is told."""
        self.ended = True
        self._coordination.bell.ring()
