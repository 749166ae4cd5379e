"""A Kubernetes API server and its etcd, each a process of the tests' own.

Who calls shows a token: a ServiceAccount one that it asked for, a test one from a file.
"""

import json
import secrets
import ssl
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError

from tests.support.certificates import Authority
from tests.support.kube_audit import POLICY, AuditLog
from tests.support.ports import free_port, is_open
from tests.support.processes import Process
from tools.cluster.kubernetes import KUBERNETES

ADMIN = "admin"
KUBELET = "kubelet"
"""Users who may do everything; two, so that the audit log tells them apart."""
CONTROLLER_MANAGER = "system:kube-controller-manager"
"""A user who may do what its role says."""
_START_SECONDS = 60
_MUCH_MEGABYTES = 100_000


def command(part: str, flags: dict[str, object]) -> list[str]:
    """Return the command line of a part of Kubernetes.

    Raises:
        MissingComponentError: it is not built.
    """
    return [KUBERNETES.command(part), *(f"--{name}={value}" for name, value in flags.items())]


class Etcd(Process):
    """A store whose port and data stay the same over restarts."""

    def __init__(self, folder: Path) -> None:
        self.port, peers = free_port(), free_port()
        here, there = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{peers}"
        flags = {
            "data-dir": folder / "etcd",
            "unsafe-no-fsync": "true",  # it need not survive the machine
            "listen-client-urls": here,
            "advertise-client-urls": here,
            "listen-peer-urls": there,
            "initial-advertise-peer-urls": there,
            "initial-cluster": f"default={there}",
            "log-level": "warn",
        }
        super().__init__("etcd", folder, command("etcd", flags))

    def up(self) -> None:
        """Start it, or start it again, and wait until its port is open."""
        self.start(lambda: is_open(self.port), _START_SECONDS)


class ApiServer(Process):
    """An API server whose port stays the same over restarts, and whose data is in an etcd.

    Args:
        folder: for its files and the audit log.
        authority: signs its certificate.
        etcd_port: where its data is.
        flags: further ones.
    """

    def __init__(
        self, folder: Path, authority: Authority, etcd_port: int, flags: Sequence[str] = ()
    ) -> None:
        self.port = free_port()
        self.audit = AuditLog(folder / "audit.log")
        self.tokens = {user: secrets.token_hex() for user in (ADMIN, KUBELET, CONTROLLER_MANAGER)}
        """Users of the tests, and what they show."""
        self.signing = authority.server("service-accounts")
        """Its key signs the tokens of ServiceAccounts; any will do."""
        self._authority = authority
        self._trust = ssl.create_default_context(cafile=authority.certificate_file)
        chosen = self._flags(folder, etcd_port)
        super().__init__("kube-apiserver", folder, [*command("kube-apiserver", chosen), *flags])

    def _flags(self, folder: Path, etcd_port: int) -> dict[str, object]:
        policy = folder / "audit-policy.json"
        policy.write_text(json.dumps(POLICY))
        certificate = self._authority.server("api-server")
        return {
            "etcd-servers": f"http://127.0.0.1:{etcd_port}",
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "endpoint-reconciler-type": "none",  # it refuses loopback addresses
            "secure-port": self.port,
            "tls-cert-file": certificate.certificate_file,
            "tls-private-key-file": certificate.key_file,
            "token-auth-file": self._write_tokens(folder / "tokens.csv"),
            "authorization-mode": "RBAC",
            "service-cluster-ip-range": "10.96.0.0/16",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": self.signing.certificate_file,
            "service-account-signing-key-file": self.signing.key_file,
            # Some distributions have it, and it asks more of an operator's rights.
            "enable-admission-plugins": "OwnerReferencesPermissionEnforcement",
            "audit-policy-file": policy,
            "audit-log-path": self.audit.file,
            "audit-log-mode": "blocking",
            "audit-log-maxsize": _MUCH_MEGABYTES,  # it stays one file
            "profiling": "false",
        }

    def _write_tokens(self, file: Path) -> Path:
        file.touch(mode=0o600)
        with file.open("w") as lines:
            for user, token in self.tokens.items():
                groups = "" if user == CONTROLLER_MANAGER else ',"system:masters"'
                lines.write(f'{token},"{user}","{user}"{groups}\n')
        return file

    def up(self) -> None:
        """Start it, or start it again, and wait until it is ready."""
        self.start(self._is_ready, _START_SECONDS)

    def _is_ready(self) -> bool:
        url = f"https://127.0.0.1:{self.port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=5, context=self._trust) as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False
