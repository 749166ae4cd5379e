"""The lab that most integration tests work in."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kafka import KafkaCluster
from tests.support.scenario import Lab


@pytest.fixture
def lab(
    request: pytest.FixtureRequest, tmp_path: Path, kafka: KafkaCluster, unique: str
) -> Iterator[Lab]:
    """One Mosquitto of the test's own, the session's Kafka, and bridges between them."""
    failed_before = request.session.testsfailed
    with Lab(tmp_path, kafka, unique) as lab:
        yield lab
        lab.failed = request.session.testsfailed > failed_before


@pytest.fixture
def secure_lab(
    request: pytest.FixtureRequest, tmp_path: Path, secure_kafka: KafkaCluster, unique: str
) -> Iterator[Lab]:
    """The same with the Kafka that has TLS, logins and ACLs."""
    failed_before = request.session.testsfailed
    with Lab(tmp_path, secure_kafka, unique) as lab:
        yield lab
        lab.failed = request.session.testsfailed > failed_before


@pytest.fixture(scope="module")
def shared_lab(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    kafka: KafkaCluster,
) -> Iterator[Lab]:
    """The same for all tests of a module, each with topics of its own."""
    word = request.path.stem.removeprefix("test_").replace("_", "-")
    failed_before = request.session.testsfailed
    with Lab(tmp_path_factory.mktemp(word), kafka, f"{word}-{secrets.token_hex(4)}") as lab:
        yield lab
        lab.failed = request.session.testsfailed > failed_before
