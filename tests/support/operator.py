"""The operator as a process of the tests' own, as a pod would run it but for where it asks."""

import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.support import helm
from tests.support.kube_client import NAMESPACE, KubeClient
from tests.support.ports import free_port
from tests.support.processes import Process

START_SECONDS = 30
IMAGE = "localhost/mqtt-kafka-bridge:test"
_ROOT = Path(__file__).parents[2]
_RIGHTS = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")


def grant(kube: KubeClient, release: str, namespaces: Sequence[str]) -> str:
    """Give an operator the rights that the chart gives it; return the name of its account.

    Args:
        kube: somebody who may give them.
        release: full name of the release: of its account and its Lease.
        namespaces: those that it watches; none: all of them.
    """
    if kube.find(NAMESPACE, helm.NAMESPACE) is None:
        metadata = {"name": helm.NAMESPACE}
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    values = {"fullnameOverride": release, "watchNamespaces": [*namespaces]}
    for manifest in helm.render(values):
        if manifest["kind"] in _RIGHTS:
            kube.apply(manifest)
    return release


class Operator(Process):
    """An operator; it can be started more than once.

    Args:
        folder: for its log.
        kubeconfig: says where the API is, and who it is there.
        name: of its pod, and of its log file.
        namespaces: those that it watches; none: all of them.
        lease: the name of its Lease.
    """

    def __init__(
        self,
        folder: Path,
        kubeconfig: Path,
        *,
        name: str = "operator",
        namespaces: Sequence[str] = (),
        lease: str = "mqtt-kafka-operator",
    ) -> None:
        self.lease = lease
        self.port = free_port()
        environment = {
            "KUBECONFIG": str(kubeconfig),
            "OPERATOR_NAMESPACE": helm.NAMESPACE,
            "POD_NAME": name,
            "LEASE_NAME": lease,
            "BRIDGE_IMAGE": IMAGE,
            "WATCH_NAMESPACES": ",".join(namespaces),
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "json",
            "HTTP_PORT": str(self.port),
            "PYTHONPATH": f"{_ROOT / 'operator'}:{_ROOT / 'bridge_image'}",
        }
        super().__init__(name, folder, [sys.executable, "-m", "mqtt_kafka_operator"], environment)

    def up(self) -> None:
        """Start it and wait until it leads: watches, and reconciles."""
        self.start(self.leads, START_SECONDS)

    def leads(self) -> bool:
        """Tell whether it has the Lease and has begun."""
        return "\nmqttkafka_operator_leading 1.0" in self.page("/metrics")

    def page(self, path: str) -> str:
        """Return what it answers at its HTTP port; empty if it does not."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return str(answer.read().decode())
        except (URLError, ConnectionError, TimeoutError):
            return ""
