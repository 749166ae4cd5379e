"""A membership as aiokafka has it, without a consumer around it, and the client that it uses.

Nothing is fetched, so nothing can make the member leave but Kafka. What aiokafka keeps to itself,
or wants a consumer to ask for, is told to whoever owns the membership.
"""

import asyncio
from typing import Any, Final, Protocol

from aiokafka import errors as kafka_errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import CloseReason
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.flows.coordination_port import SESSION_TIMEOUT_SECONDS
from mqtt_kafka_bridge.kafka.connections import sever
from mqtt_kafka_bridge.kafka.security import security
from mqtt_kafka_bridge.kafka.slot_assignor import SlotAssignor

HEARTBEAT_MS: Final = 500
"""How soon a member hears that the group assigns anew."""
REBALANCE_TIMEOUT_MS: Final = 15_000
JOIN_SECONDS: Final = REBALANCE_TIMEOUT_MS / 1000 + 5
"""A join is answered when the last member has joined."""
ANSWER_SECONDS: Final = 4.0
"""For any other answer; two of them fit into the session time-out."""
LEAVE_SECONDS: Final = 2.0
METADATA_AGE_MS: Final = 5000
_FORBIDDEN_RETRY_SECONDS: Final = 2.0
_NEVER_MS: Final = 10**12


class MemberClient(AIOKafkaClient):  # type: ignore[misc] # aiokafka has no types
    """A client that waits longer for the answer to a join than for any other."""

    def __init__(self, config: BridgeConfig, client_id: str) -> None:
        super().__init__(
            bootstrap_servers=list(config.kafka.bootstrap_servers),
            client_id=client_id,
            metadata_max_age_ms=METADATA_AGE_MS,
            request_timeout_ms=round(ANSWER_SECONDS * 1000),
            **security(config.kafka),
        )

    async def send(
        self,
        node_id: int,
        request: Any,  # noqa: ANN401
        *,
        group: ConnectionGroup = ConnectionGroup.DEFAULT,
    ) -> Any:  # noqa: ANN401
        """Send a request; return the answer. Raises KafkaError, as aiokafka's own does."""
        if not isinstance(request, JoinGroupRequest | SyncGroupRequest):
            return await super().send(node_id, request, group=group)
        if not await self.ready(node_id, group=group):
            raise kafka_errors.NodeNotReadyError(node_id)
        connection = self._conns[node_id, group]
        usual = connection._request_timeout  # noqa: SLF001 - aiokafka has one for all requests
        connection._request_timeout = JOIN_SECONDS  # noqa: SLF001
        answer = connection.send(request)
        connection._request_timeout = usual  # noqa: SLF001
        try:
            return await answer
        except TimeoutError as error:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
            raise kafka_errors.RequestTimedOutError from error


class Owner(Protocol):
    """Who wants to know how a membership fares."""

    def lost(self) -> None:
        """The group does not know this member (any more)."""
        ...

    def failed(self, error: BaseException) -> None:
        """It can't take part for now; it is tried again."""
        ...


class Membership(GroupCoordinator):  # type: ignore[misc]
    """aiokafka's coordinator of one member; it begins to join at once.

    Its names are aiokafka's; each method that replaces one says why.
    """

    def __init__(
        self,
        owner: Owner,
        client: MemberClient,
        assignor: SlotAssignor,
        *,
        group: str,
        topic: str,
    ) -> None:
        self._owner = owner
        subscription = SubscriptionState()
        subscription.register_fetch_waiters(set())
        subscription.subscribe({topic})
        super().__init__(
            client,
            subscription,
            group_id=group,
            session_timeout_ms=round(SESSION_TIMEOUT_SECONDS * 1000),
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
            max_poll_interval_ms=_NEVER_MS,
            enable_auto_commit=False,
            assignors=(assignor,),
        )

    @property
    def rejoining(self) -> bool:
        """Whether a new assignment is due or under way."""
        return bool(self._rejoin_needed_fut.done() or self._performed_join_prepare)

    def reset_generation(self) -> None:
        """Forget who we are, and say so: aiokafka would tell at the next assignment only."""
        super().reset_generation()
        self._owner.lost()

    def _on_metadata_change(self) -> None:
        """Do nothing: slots are fixed, and a broker that just started may not know the topic."""

    async def _push_error_to_user(self, error: BaseException) -> None:
        """Tell and try again: aiokafka would wait until a consumer asks."""
        self._owner.failed(error)
        await asyncio.wait({self._closing}, timeout=_FORBIDDEN_RETRY_SECONDS)
        self.request_rejoin()

    async def _coordination_routine(self) -> None:
        """Begin anew after what aiokafka did not foresee: it would stay away for good."""
        while not self._closing.done():
            try:
                await super()._coordination_routine()
            except kafka_errors.KafkaError as error:
                await self._push_error_to_user(error)

    async def leave(self) -> None:
        """Leave at once, even amid a join, and disconnect, within some seconds.

        aiokafka's own `close` waits for the join, and for Kafka's answers.
        """
        if not self._closing.done():
            self._closing.set_result(None)
        if self.member_id and self.coordinator_id is not None:
            await self._tell_that_we_leave(self.coordinator_id)
        await sever(
            self._client,
            [self._coordination_task, self._heartbeat_task, self._commit_refresh_task],
        )

    async def _tell_that_we_leave(self, node: int) -> None:
        """Spare the others the wait for the session time-out, which has to do if this fails."""
        request = LeaveGroupRequest(self.group_id, self.member_id)
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                # By a connection of its own: a join holds up what comes behind it.
                await self._client.send(node, request)
        except (TimeoutError, kafka_errors.KafkaError):
            return
