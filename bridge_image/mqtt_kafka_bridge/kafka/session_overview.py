"""The sessions of a bridge as seen from outside: read by whoever takes no part in running them.

Nothing is created, written or joined, so that looking changes nothing.
"""

import asyncio
from typing import Any, Final, NamedTuple

from aiokafka import errors as kafka_errors
from aiokafka.client import CoordinationType
from aiokafka.protocol.admin import DescribeGroupsRequest

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.coordination.view import View
from mqtt_kafka_bridge.errors import MustFixError
from mqtt_kafka_bridge.flows.coordination_port import Bell
from mqtt_kafka_bridge.kafka.causes import explain, group_forbidden, principal
from mqtt_kafka_bridge.kafka.connections import sever
from mqtt_kafka_bridge.kafka.preflight import preflight
from mqtt_kafka_bridge.kafka.session_log import SessionLog
from mqtt_kafka_bridge.kafka.slot_membership import MemberClient
from mqtt_kafka_bridge.kafka.topics import look_up

OVERVIEW_SECONDS: Final = 20.0
_RETRY_SECONDS: Final = 0.1


class Overview(NamedTuple):
    """What Kafka knows of a bridge at one moment.

    Args:
        view: what the coordination topic says.
        slots: how many partitions it has; 0: there is no such topic.
        pods: the members of the sessions' group; one that was killed stays until its session
            time-out has passed.
    """

    view: View
    slots: int
    pods: list[str]


async def overview(config: BridgeConfig, name: str) -> Overview:
    """Read the coordination topic, and ask who takes part.

    Args:
        config: of the bridge.
        name: of whoever looks, for Kafka's logs and quotas.

    Raises:
        MustFixError: as `preflight`; TopicForbidden, GroupForbidden.
        PassingError: KafkaUnreachable.
    """
    await preflight(config)
    who, topic = principal(config), config.coordination_topic
    client_id = f"{config.sessions_group}.{name}"
    client = MemberClient(config, client_id)
    try:
        async with asyncio.timeout(OVERVIEW_SECONDS):
            await client.bootstrap()
            slots = await _slots(client, topic, who)
            view = await _view(config, client_id, slots) if slots else View()
            # After the topic: whoever claimed something that we read is known, or gone.
            pods = await _members(client, config.sessions_group, who)
    except (TimeoutError, kafka_errors.KafkaError) as error:
        raise explain(error, who=who, topic=topic, operation="Read") from error
    finally:
        await sever(client, [])
    return Overview(view, slots, pods)


async def _slots(client: MemberClient, topic: str, who: str) -> int:
    try:
        return await look_up(client, topic, who, "Read")
    except MustFixError as error:
        if error.reason is not Reason.TOPIC_MISSING:
            raise
        return 0


async def _view(config: BridgeConfig, client_id: str, slots: int) -> View:
    view = View()
    log = SessionLog(
        config,
        client_id,
        topic=config.coordination_topic,
        slots=slots,
        view=view,
        bell=Bell(),
    )
    try:
        await log.start()
        await log.catch_up()
    finally:
        await log.close()
    return view


async def _members(client: MemberClient, group: str, who: str) -> list[str]:
    """Return the pods of a group's members, sorted; members name themselves after it."""
    while True:
        try:
            clients = await _ask_members(client, group)
        except kafka_errors.GroupAuthorizationFailedError as error:
            raise group_forbidden(group, who) from error
        except kafka_errors.KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return sorted(name.removeprefix(f"{group}.") for name in clients)


async def _ask_members(client: MemberClient, group: str) -> list[str]:
    """Return the client ids of a group's members; a group that nobody knows has none."""
    node = await client.coordinator_lookup(CoordinationType.GROUP, group)
    answer: Any = await client.send(node, DescribeGroupsRequest([group]))
    ((code, _, _, _, _, members, *_),) = answer.groups
    if code:
        raise kafka_errors.for_code(code)(group)
    return [client_id for _, client_id, *_ in members]
