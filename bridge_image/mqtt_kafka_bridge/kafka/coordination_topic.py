"""The coordination topic: created if it may be, verified, and the commands that set it right."""

from typing import Any, Final

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError
from mqtt_kafka_bridge.kafka.causes import principal
from mqtt_kafka_bridge.kafka.topics import create, look_up, read_settings

SLOTS: Final = 64
"""Fixed at creation: with another number, sessions would belong to other slots."""
_POLICY: Final = "cleanup.policy"
_COMPACT: Final = "compact"
_SERVER: Final = "--bootstrap-server SERVER"


async def prepare(client: Any, config: BridgeConfig, group: str) -> None:  # noqa: ANN401
    """See that the coordination topic is there and as it must be; create it if that is wanted.

    Args:
        client: an AIOKafkaClient.
        config: names the topic.
        group: of the sessions; rights are told for both at once.

    Raises:
        MustFixError: TopicMissing, TopicForbidden, CoordinationTopicWrong; with the commands.
        PassingError: Kafka did not answer.
    """
    name, who = config.coordination_topic, principal(config)
    try:
        await look_up(client, name, who, "Read")
    except MustFixError as error:
        if error.reason is not Reason.TOPIC_MISSING:
            raise _forbidden(error, config, group) from error
        if not config.kafka.coordination.create:
            raise _missing(config, group) from error
        await _create(client, config, group)
    try:
        partitions = await look_up(client, name, who, "Write")
    except MustFixError as error:
        raise _forbidden(error, config, group) from error
    if partitions != SLOTS:
        raise _other_partitions(name, partitions)
    policy = (await read_settings(client, name, [_POLICY])).get(_POLICY, _COMPACT)
    if policy != _COMPACT:
        raise _other_policy(name, policy)


async def _create(client: Any, config: BridgeConfig, group: str) -> None:  # noqa: ANN401
    try:
        await create(
            client,
            config.coordination_topic,
            principal(config),
            partitions=SLOTS,
            replicas=config.kafka.coordination.replication_factor,
            settings={_POLICY: _COMPACT},
        )
    except MustFixError as error:
        if error.reason is not Reason.TOPIC_FORBIDDEN:
            raise
        raise MustFixError(
            error.reason,
            error.message,
            f"allow it: {_rights(config, group)}; or create the topic by hand: {_creation(config)}",
        ) from error


def _creation(config: BridgeConfig) -> str:
    """Return the command that creates the topic."""
    replicas = config.kafka.coordination.replication_factor or 3
    return (
        f"kafka-topics.sh {_SERVER} --create --topic {config.coordination_topic} --partitions"
        f" {SLOTS} --replication-factor {replicas} --config {_POLICY}={_COMPACT}"
    )


def _rights(config: BridgeConfig, group: str) -> str:
    """Return the commands that allow all that coordination needs."""
    add = f"kafka-acls.sh {_SERVER} --add --allow-principal {principal(config)}"
    operations = ["Read", "Write", "Describe", "DescribeConfigs"]
    if config.kafka.coordination.create:
        operations.insert(3, "Create")
    flags = " ".join(f"--operation {operation}" for operation in operations)
    return (
        f"{add} {flags} --topic {config.coordination_topic}"
        f" && {add} --operation Read --group {group}"
    )


def _missing(config: BridgeConfig, group: str) -> MustFixError:
    return MustFixError(
        Reason.TOPIC_MISSING,
        f"the coordination topic {config.coordination_topic} does not exist",
        f"create it: {_creation(config)}; or set kafka.coordination.create: true. Where ACLs are in"
        f" use, also: {_rights(config, group)}",
    )


def _forbidden(error: MustFixError, config: BridgeConfig, group: str) -> MustFixError:
    return MustFixError(error.reason, error.message, f"allow it: {_rights(config, group)}")


def _other_partitions(name: str, partitions: int) -> MustFixError:
    return MustFixError(
        Reason.COORDINATION_TOPIC_WRONG,
        f"the coordination topic {name} has {partitions} partitions instead of {SLOTS}",
        "stop all its bridges, retire their sessions, delete the topic and have it created anew;"
        " or name another one in kafka.coordination.topic",
    )


def _other_policy(name: str, policy: str) -> MustFixError:
    return MustFixError(
        Reason.COORDINATION_TOPIC_WRONG,
        f"the coordination topic {name} has {_POLICY} {policy} instead of {_COMPACT}: in time"
        " Kafka would delete what stands in it",
        f"kafka-configs.sh {_SERVER} --alter --entity-type topics --entity-name {name} --add-config"
        f" {_POLICY}={_COMPACT}",
    )
