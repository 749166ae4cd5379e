"""A member of the group that is the lock on the slots: it joins, proves its lease, and leaves.

Sessions are revoked lazily: they go on while the group assigns anew.
"""

import asyncio
import time
from collections import Counter
from typing import Final, NamedTuple

from aiokafka import errors as kafka_errors
from aiokafka.protocol.commit import OffsetCommitRequest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.coordination.assignor import Member
from mqtt_kafka_bridge.coordination.plan import desired
from mqtt_kafka_bridge.coordination.slots import slot_of
from mqtt_kafka_bridge.errors import BridgeError, LeaseRefusedError
from mqtt_kafka_bridge.flows.coordination_port import Assignment, Bell
from mqtt_kafka_bridge.kafka.causes import explain, group_forbidden, principal, topic_forbidden
from mqtt_kafka_bridge.kafka.connections import sever
from mqtt_kafka_bridge.kafka.slot_assignor import Share, SlotAssignor
from mqtt_kafka_bridge.kafka.slot_membership import ANSWER_SECONDS, MemberClient, Membership

PROOF_SECONDS: Final = 12.0
"""How long `prove` waits for Kafka, and for a new assignment."""
_RETRY_SECONDS: Final = 0.1
_MOVED: Final = (
    kafka_errors.GroupCoordinatorNotAvailableError,
    kafka_errors.NotCoordinatorForGroupError,
)
_UNKNOWN: Final = (kafka_errors.UnknownMemberIdError, kafka_errors.IllegalGenerationError)


class Tenure(NamedTuple):
    """An assignment, and who we were to Kafka when it came."""

    assignment: Assignment
    member_id: str


class SlotGroup:
    """This pod's membership.

    Args:
        config: whose sessions weigh the slots.
        pod: the name of this process among its like.
        instance: the name of this life of it.
        topic: the coordination topic.
        slots: how many partitions that has.
        bell: rung at each assignment, and when the group threw us out.
        client: bootstrapped; nobody else uses it, and `close` closes it.
    """

    def __init__(
        self,
        config: BridgeConfig,
        *,
        pod: str,
        instance: str,
        topic: str,
        slots: int,
        bell: Bell,
        client: MemberClient,
    ) -> None:
        self.name = config.sessions_group
        self.tenure: Tenure | None = None
        self.failure: BridgeError | None = None
        self._pod, self._instance, self._generation = pod, instance, config.generation
        self._topic, self._slots, self._who = topic, slots, principal(config)
        self._weights = Counter(
            slot_of(each.mapping.name, each.member, slots) for each in desired(config)
        )
        self._bell = bell
        self._client = client
        self._epoch = 0
        self._membership: Membership | None = None

    def join(self) -> None:
        """Begin to join; the bell rings when there is an assignment."""
        assignor = SlotAssignor(
            self._topic, self._slots, myself=self._myself, assigned=self._assigned
        )
        self._membership = Membership(
            self, self._client, assignor, group=self.name, topic=self._topic
        )

    def _myself(self) -> Member:
        mine = self.tenure.assignment if self.tenure else None
        return Member(
            id="",  # the leader knows it
            instance=self._instance,
            pod=self._pod,
            generation=self._generation,
            group_generation=mine.generation if mine else -1,
            slots=mine.slots if mine else frozenset(),
            weights=self._weights,
        )

    def _assigned(self, share: Share) -> None:
        assert self._membership is not None  # noqa: S101 - it is the one that calls
        at = asyncio.get_running_loop().time()
        assignment = Assignment(self._epoch, self._membership.generation, *share, at)
        self.tenure = Tenure(assignment, self._membership.member_id)
        self.failure = None
        self._bell.ring()

    def lost(self) -> None:
        """Note that the group does not know us (any more): what we ran may be another's."""
        if self.tenure is not None:
            self._epoch += 1
            self.tenure = None
            self._bell.ring()

    def failed(self, error: BaseException) -> None:
        """Note what keeps us out of the group."""
        self.failure = explain(error, who=self._who, topic=self._topic, operation="Read")
        self._bell.ring()

    async def prove(self, slot: int, offset: int) -> None:
        """Prove that a slot is ours by committing a position on it, which nobody reads.

        Raises:
            LeaseRefusedError: it is not ours.
            BridgeError: Kafka did not answer, or forbids it.
        """
        epoch = self._epoch
        try:
            async with asyncio.timeout(PROOF_SECONDS):
                while not await self._proven(slot, offset, epoch):
                    pass
        except (TimeoutError, kafka_errors.KafkaError) as error:
            raise explain(error, who=self._who, topic=self._topic, operation="Read") from error

    async def _proven(self, slot: int, offset: int, epoch: int) -> bool:
        """Ask once; False: ask again."""
        membership, tenure = self._membership, self.tenure
        if membership is None or tenure is None:
            raise LeaseRefusedError(f"slot {slot}: this pod is no member of {self.name}")
        if self._epoch != epoch:  # Thrown out meanwhile: another may have had it in between.
            raise LeaseRefusedError(f"slot {slot}: this pod has just become a member again")
        if slot not in tenure.assignment.slots:
            raise LeaseRefusedError(f"slot {slot} is assigned to another pod")
        asked = time.monotonic()
        error = await self._commit(membership, tenure, slot, offset)
        if error is None:
            # An answer from before this process was frozen says nothing about now.
            return time.monotonic() - asked < ANSWER_SECONDS
        if isinstance(error, kafka_errors.RebalanceInProgressError):
            membership.request_rejoin()
            await self._next(tenure)
        elif isinstance(error, kafka_errors.IllegalGenerationError) and (
            membership.rejoining or self.tenure is not tenure
        ):
            # The group was quicker than its answer; its assignment says whether the slot is ours.
            await self._next(tenure)
        elif isinstance(error, _UNKNOWN):
            if self.tenure is tenure:
                membership.reset_generation()
            raise LeaseRefusedError(f"slot {slot}: {type(error).__name__}")
        elif error.retriable:
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            raise error
        return False

    async def _commit(
        self, membership: Membership, tenure: Tenure, slot: int, offset: int
    ) -> kafka_errors.KafkaError | None:
        """Commit as who we were when the slot was assigned; return Kafka's refusal.

        Not as who aiokafka takes us for by now: it learns of a new generation before it learns
        what that assigned, and Kafka checks the generation, but not whose the partition is.
        """
        await membership.ensure_coordinator_known()
        request = OffsetCommitRequest(
            self.name,
            tenure.assignment.generation,
            tenure.member_id,
            OffsetCommitRequest.DEFAULT_RETENTION_TIME,
            [(self._topic, [(slot, offset, "")])],
        )
        node = membership.coordinator_id
        if node is None:
            return kafka_errors.GroupCoordinatorNotAvailableError()
        try:
            # By a connection of its own: a join holds up what comes behind it.
            answer = await self._client.send(node, request)
        except kafka_errors.KafkaError as error:
            membership.coordinator_dead()
            return error
        ((_, ((_, code),)),) = answer.topics
        error_type = kafka_errors.for_code(code)
        if error_type is kafka_errors.TopicAuthorizationFailedError:
            raise topic_forbidden(self._topic, self._who, ["Read"])
        if error_type is kafka_errors.GroupAuthorizationFailedError:
            raise group_forbidden(self.name, self._who)
        if error_type in _MOVED:
            membership.coordinator_dead()
        return None if error_type is kafka_errors.NoError else error_type()

    async def _next(self, tenure: Tenure) -> None:
        """Wait until a tenure is over."""
        while self.tenure is tenure:
            await self._bell.wait()

    async def close(self) -> None:
        """Leave the group at once and disconnect, within some seconds whatever Kafka is doing."""
        if self._membership is None:
            await sever(self._client, [])
        else:
            await self._membership.leave()
            self.lost()
