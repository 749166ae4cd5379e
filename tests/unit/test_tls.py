"""TLS contexts and password files: read at each use, and every mistake with its cure."""

import ssl
from pathlib import Path

import pytest

from mqtt_kafka_bridge.contract.connection import Tls
from mqtt_kafka_bridge.contract.status import Reason
from mqtt_kafka_bridge.errors import MustFixError
from mqtt_kafka_bridge.tls import client_context, read_password
from tests.support.certificates import Authority


def context(*files: Path) -> ssl.SSLContext:
    tls = Tls.model_validate({"trustedCertificateFiles": list(map(str, files))})
    return client_context(tls, "mqtt.tls")


def subjects(of: ssl.SSLContext) -> list[object]:
    return [certificate["subject"] for certificate in of.get_ca_certs()]


@pytest.mark.parametrize("tls", [None, Tls()])
def test_without_files_the_systems_authorities_are_trusted(tls: Tls | None) -> None:
    made = client_context(tls, "mqtt.tls")
    system = ssl.create_default_context()
    assert made.cert_store_stats() == system.cert_store_stats()
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname


def test_with_files_only_these_are_trusted(
    authority: Authority, other_authority: Authority
) -> None:
    made = context(authority.certificate_file, other_authority.certificate_file)
    assert len(subjects(made)) == 2
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_file_is_read_at_each_call(
    tmp_path: Path, authority: Authority, other_authority: Authority
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.certificate_file.read_bytes())
    before = subjects(context(file))
    file.write_bytes(other_authority.certificate_file.read_bytes())
    assert subjects(context(file)) != before


@pytest.mark.parametrize("content", [None, b"", b"no PEM\n", b"\xff\xfe"])
def test_a_file_without_a_certificate_is_named_with_its_place(
    tmp_path: Path, authority: Authority, content: bytes | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(MustFixError) as caught:
        context(authority.certificate_file, file)
    assert caught.value.reason is Reason.SECRET_UNREADABLE
    assert str(file) in caught.value.message
    assert "mqtt.tls.trustedCertificateFiles[1]" in caught.value.cure


def test_a_password_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    for content in ("secret", "secret\n", "secret\r\n", "secret\nnot this\n"):
        file.write_text(content, newline="")
        assert read_password(str(file), "field") == "secret"
    file.write_text(" pässword \n")
    assert read_password(str(file), "field") == " pässword "


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"s\xe4cret", "not UTF-8"),
        (b"s" * 65_536, "longer"),
        ("ä".encode() * 40_000, "longer"),
    ],
)
def test_a_password_that_can_t_be_read_is_named_without_its_text(
    tmp_path: Path, content: bytes | None, what: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(MustFixError) as caught:
        read_password(str(file), "mqtt.authentication.passwordFile")
    error = caught.value
    assert error.reason is Reason.SECRET_UNREADABLE
    assert str(file) in error.message
    assert what in error.message
    assert "mqtt.authentication.passwordFile" in error.cure
    assert "0xe4" not in error.message


def test_the_longest_password_of_mqtt_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s" * 65_535 + "\r\n", newline="")
    assert len(read_password(str(file), "field")) == 65_535


def test_a_file_without_an_end_takes_no_memory_without_one() -> None:
    with pytest.raises(MustFixError, match="longer"):
        read_password("/dev/zero", "field")
