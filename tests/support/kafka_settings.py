"""Settings of the tests' Kafka brokers, each with its reason where it is not plain."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.certificates import ServerCertificate

_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")


@dataclass(frozen=True)
class KafkaSecurity:
    """Who may log in by PLAIN, and what the server shows; SCRAM users come by `KafkaAdmin`."""

    certificate: ServerCertificate
    plain_users: Mapping[str, str]


def common(brokers: int) -> dict[str, str]:
    """Return what every broker has; three replicate, and a write needs two of them."""
    replicas, in_sync = (3, 2) if brokers > 1 else (1, 1)
    return {
        "process.roles": "broker,controller",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "auto.create.topics.enable": "false",
        "num.partitions": "3",
        "default.replication.factor": f"{replicas}",
        "min.insync.replicas": f"{in_sync}",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": f"{replicas}",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": f"{replicas}",
        "transaction.state.log.min.isr": f"{in_sync}",
        "share.coordinator.state.topic.replication.factor": f"{replicas}",
        "share.coordinator.state.topic.min.isr": f"{in_sync}",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "broker.session.timeout.ms": "6000",  # how soon a killed broker's partitions move
        "broker.heartbeat.interval.ms": "500",
        "log.cleaner.dedupe.buffer.size": "4194304",  # of the heap; its default is 128 MB
        "num.network.threads": "2",
        "num.io.threads": "4",
    }


def secure(security: KafkaSecurity) -> dict[str, str]:
    """Return what the listeners `SASL` and `TLS` need, and ACLs."""
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    users = " ".join(f'user_{u}="{p}"' for u, p in security.plain_users.items())
    authority = security.certificate.certificate_file.parent / "authority.pem"
    return {
        "listener.name.sasl.sasl.enabled.mechanisms": ",".join(_MECHANISMS),
        "listener.name.sasl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.sasl.plain.sasl.jaas.config": f"{plain} {users};",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(security.certificate.both_file),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS;User:admin",  # ANONYMOUS: who comes by another listener
        "allow.everyone.if.no.acl.found": "false",
    }
