"""Certificates for tests: an authority, and what it signs, as PEM files in a folder."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class ServerCertificate:
    """A server's certificate and key; `both_file` holds the two, as Kafka wants them."""

    certificate_file: Path
    key_file: Path
    both_file: Path


class Authority:
    """A certificate authority of one test session.

    Args:
        folder: where its files are written; each authority needs one of its own.
        name: its common name.
    """

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate_file = folder / "authority.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        public = self._key.public_key()
        certificate = (
            _builder(self._name, self._name, timedelta(days=1))
            .public_key(public)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate_file.write_bytes(_pem(certificate))

    def server(
        self,
        file_name: str = "server",
        *,
        names: tuple[str, ...] = ("localhost",),
        expired: bool = False,
    ) -> ServerCertificate:
        """Sign a server certificate for these names and 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        addresses = [x509.IPAddress(IPv4Address("127.0.0.1"))] if "localhost" in names else []
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(subject, self._name, timedelta(hours=-1 if expired else 24))
            .public_key(key.public_key())
            .add_extension(
                x509.SubjectAlternativeName([*map(x509.DNSName, names), *addresses]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        key_pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        files = ServerCertificate(
            self.folder / f"{file_name}.crt",
            self.folder / f"{file_name}.key",
            self.folder / f"{file_name}.pem",
        )
        files.certificate_file.write_bytes(_pem(certificate))
        files.key_file.write_bytes(key_pem)
        files.both_file.write_bytes(key_pem + _pem(certificate))
        return files


def _builder(
    subject: x509.Name, issuer: x509.Name, valid_for: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + valid_for)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
