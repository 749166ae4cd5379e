"""Who may do what: users, passwords, rights and authorities of the components."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.background import Background
from tests.support.certificates import Authority
from tests.support.kafka import KafkaCluster
from tests.support.kafka_source import KafkaSource
from tests.support.ledger import Ledger
from tests.support.mosquitto import Mosquitto
from tests.support.mqtt_client import RefusedError
from tests.support.mqtt_sink import MqttSink
from tests.support.mqtt_source import MqttSource

MakeMosquitto = Callable[..., Mosquitto]


@pytest.fixture
def secure_topic(secure_kafka: KafkaCluster, unique: str) -> Iterator[str]:
    """A topic that user `unique`, with password `secret`, may write."""
    secure_kafka.admin.create_topic(unique)
    secure_kafka.admin.set_user(unique, "secret")
    secure_kafka.admin.set_user(unique, "secret", "SCRAM-SHA-256")
    secure_kafka.admin.allow(unique, "topic", unique, "write", "describe")
    yield unique
    secure_kafka.admin.revoke(unique)


def login(authority: Authority, mechanism: str, user: str, password: str) -> dict[str, object]:
    """Return librdkafka's settings for SASL_SSL."""
    return {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(authority.certificate_file),
        "sasl.mechanism": mechanism,
        "sasl.username": user,
        "sasl.password": password,
        "message.timeout.ms": 2000,
    }


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram_users_write_what_they_may(
    secure_kafka: KafkaCluster, authority: Authority, secure_topic: str, mechanism: str
) -> None:
    """And no longer once their rights are revoked."""
    settings = login(authority, mechanism, secure_topic, "secret")
    source = KafkaSource(secure_kafka.sasl_bootstrap, secure_topic, Ledger(), settings=settings)
    source.produce(10)
    source.settled()
    assert len(source.stored) == 10
    secure_kafka.admin.revoke(secure_topic)
    source.produce(1)
    source.settled()
    assert len(source.stored) == 10


def test_plain_users_and_wrong_authorities(
    secure_kafka: KafkaCluster, authority: Authority, other_authority: Authority, secure_topic: str
) -> None:
    """PLAIN works beside SCRAM; a client that trusts somebody else does not get in."""
    secure_kafka.admin.allow("plain", "topic", secure_topic, "write", "describe")
    right = login(authority, "PLAIN", "plain", "plain-secret")
    source = KafkaSource(secure_kafka.sasl_bootstrap, secure_topic, Ledger(), settings=right)
    source.produce(1)
    source.settled()
    assert len(source.stored) == 1
    wrong = login(other_authority, "PLAIN", "plain", "plain-secret")
    stranger = KafkaSource(secure_kafka.sasl_bootstrap, secure_topic, Ledger(), settings=wrong)
    stranger.produce(1)
    stranger.settled()
    assert stranger.stored == {}


def test_tls_without_a_login_works_too(
    secure_kafka: KafkaCluster, authority: Authority, secure_topic: str
) -> None:
    """Its users are anonymous, and may everything."""
    settings = {"security.protocol": "SSL", "ssl.ca.location": str(authority.certificate_file)}
    source = KafkaSource(secure_kafka.tls_bootstrap, secure_topic, Ledger(), settings=settings)
    source.produce(1)
    source.settled()
    assert len(source.stored) == 1


def test_mosquitto_asks_for_password_and_right(
    make_mosquitto: MakeMosquitto, background: Background
) -> None:
    """A message that may not be published is refused, not lost in silence."""
    acl = "user bridge\ntopic write plant/open/#\n"
    mosquitto = make_mosquitto(users={"bridge": "secret"}, acl=acl)
    with pytest.raises(RefusedError, match="NOT_AUTHORIZED"):
        background.enter(MqttSink(mosquitto.url, "#", user=("bridge", "wrong")))
    source = MqttSource(
        mosquitto.url, "plant/{key}/x", Ledger(), keys=["open", "shut"], user=("bridge", "secret")
    )
    background.enter(source)
    background.run(source.publish(2))
    background.run(source.settled())
    assert [(message.key, int(code)) for message, code in source.refused if int(code) >= 0x80] == [
        ("shut", 0x87)
    ]
