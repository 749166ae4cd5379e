"""Fixtures of fault tests: one Kafka behind proxies for all of them, and how long they go on."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.support.background import Background
from tests.support.hivemq import HiveMQ
from tests.support.kafka import KafkaCluster
from tests.support.mosquitto import Mosquitto
from tests.support.progress import starting
from tests.support.site import RECEIVE_MAXIMUM, Site

Note = Callable[[str, float], None]


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Keep a figure that was measured; all of them are shown at the end."""

    def keep(name: str, figure: float) -> None:
        request.node.user_properties.append((name, figure))

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what was measured."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        if report.when == "call" and report.user_properties:
            figures = ", ".join(f"{name} {figure:.4g}" for name, figure in report.user_properties)
            terminalreporter.write_line(f"{report.location[2]}: {figures}")


@pytest.fixture(scope="session")
def soak() -> bool:
    """Whether faults go on for as long as the table says; else they are short."""
    return os.environ.get("SOAK") == "1"


@pytest.fixture(scope="session")
def faulted_kafka(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaCluster]:
    """One broker for all tests, to put a proxy in front of; none of them ends it."""
    with starting(pytestconfig, "Kafka (KRaft, 1 node, for proxies)"):
        cluster = KafkaCluster(tmp_path_factory.mktemp("faulted-kafka"), proxied=True)
        cluster.up()
    yield cluster
    cluster.down()


@pytest.fixture
def site(
    make_mosquitto: Callable[..., Mosquitto], faulted_kafka: KafkaCluster, background: Background
) -> Site:
    """A Mosquitto of the test's own and the shared Kafka, a recording proxy before each."""
    mosquitto = make_mosquitto(max_inflight_messages=RECEIVE_MAXIMUM)
    return Site(mosquitto, faulted_kafka, background)


@pytest.fixture(params=["mosquitto", "hivemq"])
def either_site(
    request: pytest.FixtureRequest,
    make_mosquitto: Callable[..., Mosquitto],
    make_hivemq: Callable[..., HiveMQ],
    faulted_kafka: KafkaCluster,
    background: Background,
) -> Site:
    """The same with a broker of either family, one after the other."""
    if request.param == "hivemq":
        return Site(make_hivemq(receive_maximum=RECEIVE_MAXIMUM), faulted_kafka, background)
    mosquitto = make_mosquitto(max_inflight_messages=RECEIVE_MAXIMUM)
    return Site(mosquitto, faulted_kafka, background)
