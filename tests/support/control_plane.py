"""A Kubernetes control plane as processes of the tests' own: etcd, API server, controllers.

It has objects and what controllers make of them, but no node: pods stay as they are, unless a test
speaks for a kubelet (`kubelet.py`). RBAC is on, every call is in the audit log.
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.kube_api_server import ADMIN, CONTROLLER_MANAGER, ApiServer, Etcd, command
from tests.support.kube_audit import AuditLog
from tests.support.kube_client import SERVICE_ACCOUNT, KubeClient, Manifest
from tests.support.kubeconfig import kubeconfig, write_kubeconfig
from tests.support.processes import Process
from tests.support.waiting import eventually

CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "disruption-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "ttl-after-finished-controller",
)
"""Those that act on what the operator and its users write; none that needs nodes or metrics."""
_START_SECONDS = 60


class ControlPlane:
    """The three together.

    Args:
        folder: for data, logs, kubeconfigs.
        authority: signs the API server's certificate.
        manifests: applied before the controllers start. The garbage collector looks for new kinds
            every 30 s only: what owns others is best defined here.
        api_server_flags: further ones.
    """

    def __init__(
        self,
        folder: Path,
        authority: Authority,
        *,
        manifests: Iterable[Manifest] = (),
        api_server_flags: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.start_seconds = 0.0
        """How long its last start took."""
        self._authority_file = authority.certificate_file
        self._manifests = list(manifests)
        self.etcd = Etcd(folder)
        self.api_server = ApiServer(folder, authority, self.etcd.port, api_server_flags)
        self.controllers = Process(
            "kube-controller-manager",
            folder,
            command("kube-controller-manager", self._controller_flags()),
        )

    def _controller_flags(self) -> dict[str, object]:
        return {
            "kubeconfig": self.kubeconfig(CONTROLLER_MANAGER),
            "controllers": ",".join(CONTROLLERS),
            "use-service-account-credentials": "true",
            "service-account-private-key-file": self.api_server.signing.key_file,
            "root-ca-file": self._authority_file,
            "leader-elect": "false",
            "secure-port": "0",
            "kube-api-qps": "500",  # many objects at once are no reason to wait
            "kube-api-burst": "1000",
            "profiling": "false",
        }

    def up(self) -> None:
        """Start it, or start it again, and wait until pods can be made."""
        began = time.monotonic()
        try:
            self.etcd.up()
            self.api_server.up()
            with self.client() as admin:
                for manifest in self._manifests:
                    admin.apply(manifest)
                self.controllers.start(
                    lambda: admin.find(SERVICE_ACCOUNT, "default", "default"), _START_SECONDS
                )
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - began

    def kill(self) -> None:
        """End it; its data is of no more use to anybody."""
        for process in (self.controllers, self.api_server, self.etcd):
            process.kill()

    def restart_api_server(self) -> None:
        """Kill the API server and start it again; its clients meet a closed port meanwhile."""
        self.api_server.kill()
        self.api_server.up()

    @property
    def audit(self) -> AuditLog:
        """What everybody has called."""
        return self.api_server.audit

    def client(self, user: str = ADMIN) -> KubeClient:
        """Return a client of a user; close it."""
        return KubeClient(self.kubeconfig(user))

    def kubeconfig(self, user: str = ADMIN, *, port: int | None = None) -> Path:
        """Write a kubeconfig of a user and return its path.

        Args:
            user: one of `tokens` of the API server.
            port: of a proxy before the API server.
        """
        return self._write(user, self.api_server.tokens[user], port)

    def service_account_kubeconfig(
        self, namespace: str, name: str, *, port: int | None = None, seconds: int = 3600
    ) -> Path:
        """Write a kubeconfig of a ServiceAccount, with a token of its own; return its path.

        Args:
            namespace: of the ServiceAccount; it is the context's too.
            name: of the ServiceAccount, which must be there or come soon.
            port: of a proxy before the API server.
            seconds: how long the token is good; 600 at least.
        """
        with self.client() as admin:
            eventually(lambda: admin.find(SERVICE_ACCOUNT, name, namespace), 10, what=name)
            token = admin.token(namespace, name, seconds)
        return self._write(f"{namespace}.{name}", token, port, namespace)

    def _write(self, name: str, token: str, port: int | None, namespace: str = "default") -> Path:
        at = port or self.api_server.port
        file = self.folder / f"{name.replace(':', '-')}-{at}.kubeconfig"
        content = kubeconfig(at, self._authority_file, token, namespace=namespace)
        return write_kubeconfig(file, content)
