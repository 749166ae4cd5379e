"""Fixtures that tests of several folders share: the components, as processes of their own.

Slow ones live for the session: tests then use topics, users and client ids of their own. All are
plain, synchronous fixtures; what must run while a test blocks runs in `background`.
"""

import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.background import Background
from tests.support.bridge import Bridge, Config, crashing_bridge
from tests.support.certificates import Authority
from tests.support.hivemq import HiveMQ, HiveMQOptions
from tests.support.kafka import KafkaCluster
from tests.support.kafka_settings import KafkaSecurity
from tests.support.mosquitto import Mosquitto, MosquittoOptions
from tests.support.progress import failing_if_missing, starting
from tools.components import hivemq as hivemq_component
from tools.components import kafka as kafka_component

MakeBridge = Callable[..., Bridge]
MakeHiveMQ = Callable[..., HiveMQ]
MakeMosquitto = Callable[..., Mosquitto]
MqttBroker = Mosquitto | HiveMQ
_SHARED = ("kafka_cluster", "secure_kafka", "hivemq")
"""Fixtures of which there is one for all workers."""
_SECONDS = {"integration": 180, "faults": 300, "control_plane": 180}
_KAFKA = f"Kafka {kafka_component.VERSION}"
_HIVEMQ = f"HiveMQ {hivemq_component.VERSION}"


def pytest_sessionfinish() -> None:
    """Leave no process behind, whatever ended the session."""
    processes.kill_all()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests stay together on one worker, and give those of real components their time.

    A file's tests share what it starts; those that want one of the dearest components share that:
    a Java process for each worker is more than two cores can start, or keep alive.
    """
    for item in items:
        wanted = getattr(item, "fixturenames", ())
        file = item.path.relative_to(item.config.rootpath).as_posix()
        group = next((name for name in _SHARED if name in wanted), file)
        item.add_marker(pytest.mark.xdist_group(group))
        for folder, seconds in _SECONDS.items():
            if folder in item.path.parts and item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(seconds))


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses; legal for bridges, topics, users, client ids, groups."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    return f"{words[:32].strip('-')}-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The certificate authority that the components' certificates are from."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that has signed nothing of theirs."""
    return Authority(tmp_path_factory.mktemp("other-authority"), "another authority")


@pytest.fixture(scope="session")
def kafka(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaCluster]:
    """One plain Kafka broker for all tests; a test that freezes it must thaw it."""
    with starting(pytestconfig, f"{_KAFKA} (KRaft, 1 node)"):
        cluster = KafkaCluster(tmp_path_factory.mktemp("kafka"))
        cluster.up()
    yield cluster
    cluster.down()


@pytest.fixture(scope="session")
def secure_kafka(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[KafkaCluster]:
    """One broker with TLS, SASL and ACLs; user `plain` with the password `plain-secret`."""
    with starting(pytestconfig, f"{_KAFKA} (KRaft, 1 node, TLS, SASL, ACLs)"):
        security = KafkaSecurity(authority.server("kafka"), {"plain": "plain-secret"})
        cluster = KafkaCluster(tmp_path_factory.mktemp("secure-kafka"), security=security)
        cluster.up()
    yield cluster
    cluster.down()


@pytest.fixture(scope="session")
def kafka_cluster(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaCluster]:
    """Three brokers, `min.insync.replicas` 2; a test that ends one must start it again."""
    with starting(pytestconfig, f"{_KAFKA} (KRaft, 3 nodes)"):
        cluster = KafkaCluster(tmp_path_factory.mktemp("kafka-cluster"), brokers=3)
        cluster.up()
    yield cluster
    cluster.down()


@pytest.fixture
def proxied_kafka(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[KafkaCluster]:
    """One broker of the test's own, to put a proxy in front of, or to freeze and kill at will."""
    with starting(pytestconfig, f"{_KAFKA} (KRaft, 1 node, for a proxy)"):
        cluster = KafkaCluster(tmp_path / "kafka", proxied=True)
        cluster.up()
    yield cluster
    cluster.down()


@pytest.fixture
def make_mosquitto(tmp_path: Path) -> Iterator[MakeMosquitto]:
    """Start a Mosquitto with these options, as many as are wanted."""
    brokers: list[Mosquitto] = []

    def make(**options: object) -> Mosquitto:
        chosen = MosquittoOptions(**options)  # type: ignore[arg-type]  # it checks them
        with failing_if_missing("Mosquitto"):
            broker = Mosquitto(tmp_path / f"mosquitto-{len(brokers)}", chosen)
        brokers.append(broker)
        broker.up()
        return broker

    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture
def mosquitto(make_mosquitto: MakeMosquitto) -> Mosquitto:
    """Start a Mosquitto with persistence and no limits."""
    return make_mosquitto()


@pytest.fixture(scope="session")
def hivemq(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HiveMQ]:
    """One HiveMQ for all tests, in memory, with wide limits; none of them ends it."""
    with starting(pytestconfig, _HIVEMQ):
        broker = HiveMQ(tmp_path_factory.mktemp("hivemq"))
        broker.up()
    yield broker
    broker.kill()


@pytest.fixture
def make_hivemq(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[MakeHiveMQ]:
    """Start a HiveMQ with these options, as many as are wanted; each takes seconds to start."""
    brokers: list[HiveMQ] = []

    def make(**options: object) -> HiveMQ:
        chosen = HiveMQOptions(**options)  # type: ignore[arg-type]  # it checks them
        with starting(pytestconfig, f"{_HIVEMQ} for one test"):
            broker = HiveMQ(tmp_path / f"hivemq-{len(brokers)}", chosen)
            brokers.append(broker)
            broker.up()
        return broker

    yield make
    for broker in brokers:
        broker.kill()


@pytest.fixture(params=["mosquitto", "hivemq"])
def mqtt_broker(
    request: pytest.FixtureRequest, make_mosquitto: MakeMosquitto, make_hivemq: MakeHiveMQ
) -> MqttBroker:
    """Start a broker of either family that keeps its sessions on disk, over SIGKILL too.

    A test that takes it runs with both; `parametrize("mqtt_broker", ["hivemq"], indirect=True)`
    chooses one.
    """
    if request.param == "hivemq":
        return make_hivemq(persistence=True)
    return make_mosquitto(saves_at_once=True)


@pytest.fixture
def make_bridge(tmp_path: Path, unique: str) -> Iterator[MakeBridge]:
    """Make a bridge (not started) from a dict; its name is `unique` unless the dict has another.

    With `crash_at` it kills itself when it comes to that crash point for the `hit`-th time.
    """
    bridges: list[Bridge] = []

    def make(config: Config, *, crash_at: str | None = None, hit: int = 1) -> Bridge:
        folder, named = tmp_path / f"bridge-{len(bridges)}", {"name": unique, **config}
        bridge = (
            crashing_bridge(folder, named, crash_at, hit) if crash_at else Bridge(folder, named)
        )
        bridges.append(bridge)
        return bridge

    yield make
    for bridge in bridges:
        bridge.kill()


@pytest.fixture
def background() -> Iterator[Background]:
    """An event loop in a thread of its own, for what must go on while the test waits."""
    with Background() as loop:
        yield loop
