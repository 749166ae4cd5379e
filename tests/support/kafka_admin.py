"""What tests ask of a Kafka cluster: topics, settings, ACLs, users, leaders."""

# confluent_kafka.admin re-exports its names without saying so:
# mypy: disable-error-code="attr-defined"

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from tests.support.waiting import eventually

_SECONDS = 30


class KafkaAdmin:
    """An administrator on the plain listener; each call waits for its effect."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def brokers(self) -> set[int]:
        """Return the ids of the living brokers."""
        return set(self._metadata().brokers)

    def topics(self) -> set[str]:
        """Return the names of all topics."""
        return set(self._metadata().topics)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; 0 if there is no such topic."""
        known = self._metadata().topics.get(topic)
        return len(known.partitions) if known else 0

    def leaders(self, topic: str) -> dict[int, int]:
        """Return the leading broker of each partition; -1 where there is none."""
        partitions = self._metadata().topics[topic].partitions
        return {number: partition.leader for number, partition in partitions.items()}

    def await_in_sync(self, within_seconds: float = 60) -> None:
        """Wait until every replica of every partition is in sync, and each has a leader."""

        def behind() -> list[str]:
            return [
                f"{name}-{number}"
                for name, topic in self._metadata().topics.items()
                for number, partition in topic.partitions.items()
                if partition.leader < 0 or set(partition.isrs) != set(partition.replicas)
            ]

        eventually(
            lambda: not behind(), within_seconds, what=lambda: f"in sync; not so: {behind()}"
        )

    def create_topic(
        self, name: str, partitions: int = 1, *, config: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic, wait until each partition has a leader, and return its name."""
        new = NewTopic(name, num_partitions=partitions, config=dict(config or {}))
        _done(self._client.create_topics([new], request_timeout=_SECONDS))
        eventually(
            lambda: self.partitions(name) == partitions and -1 not in self.leaders(name).values(),
            _SECONDS,
            what=f"topic {name} with leaders",
        )
        return name

    def delete_topic(self, name: str) -> None:
        """Delete a topic and wait until it is gone."""
        _done(self._client.delete_topics([name], request_timeout=_SECONDS))
        eventually(lambda: name not in self.topics(), _SECONDS, what=f"topic {name} gone")

    def add_partitions(self, name: str, total: int) -> None:
        """Let a topic have so many partitions."""
        _done(self._client.create_partitions([NewPartitions(name, total)]))
        eventually(lambda: self.partitions(name) == total, _SECONDS, what=f"{total} partitions")

    def configure_topic(self, name: str, **settings: str | int) -> None:
        """Change settings of a topic; `max_message_bytes=1000` sets `max.message.bytes`."""
        entries = [
            ConfigEntry(
                key.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET
            )
            for key, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        _done(self._client.incremental_alter_configs([resource]))

    def set_user(self, user: str, password: str, mechanism: str = "SCRAM-SHA-512") -> None:
        """Create a SCRAM user, or change its password."""
        kinds = {
            "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
            "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
        }
        info = ScramCredentialInfo(kinds[mechanism], 4096)
        change = UserScramCredentialUpsertion(user, info, password.encode())
        _done(self._client.alter_user_scram_credentials([change]))

    def allow(
        self, user: str, kind: str, name: str, *operations: str, prefixed: bool = False
    ) -> None:
        """Let a user do something, such as `allow("bridge", "topic", "plant", "write")`."""
        wanted = [_acl(user, kind, name, o, prefixed=prefixed) for o in operations]
        _done(self._client.create_acls(wanted))
        eventually(
            lambda: {*map(_right, wanted)} <= {*map(_right, self._rights(user))},
            15,
            what=f"the broker has heard of {user}'s rights",
        )

    def revoke(self, user: str) -> None:
        """Take every right from a user."""
        _done(self._client.delete_acls([_every(user)]))
        eventually(lambda: not self._rights(user), 15, what=f"the broker knows no right of {user}")

    def _rights(self, user: str) -> list[AclBinding]:
        """Return what a broker has heard of: the controller, which is told, is ahead of it."""
        rights: list[AclBinding] = self._client.describe_acls(_every(user)).result()
        return rights

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """Return the committed offset of each partition for which the group has one."""
        asked = [ConsumerGroupTopicPartitions(group)]
        answer = _done(self._client.list_consumer_group_offsets(asked))[0]
        return {
            p.partition: p.offset
            for p in answer.topic_partitions
            if p.topic == topic and p.offset >= 0
        }

    def _metadata(self) -> Any:  # noqa: ANN401 - confluent_kafka has no types
        return self._client.list_topics(timeout=_SECONDS)


def _acl(user: str, kind: str, name: str, operation: str, *, prefixed: bool) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    resource = ResourceType[kind.upper()]
    return AclBinding(
        resource,
        name,
        pattern,
        f"User:{user}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType.ALLOW,
    )


def _done(futures: Mapping[Any, "Future[Any]"]) -> list[Any]:
    return [future.result(_SECONDS) for future in futures.values()]


def _every(user: str) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]  # None is "any" here
        ResourcePatternType.ANY,
        f"User:{user}",
        None,  # type: ignore[arg-type]  # same
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _right(acl: AclBinding) -> tuple[object, ...]:
    return acl.restype, acl.name, acl.resource_pattern_type, acl.operation
