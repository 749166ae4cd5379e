"""Kafka (KRaft) as processes of the tests' own: one broker, or three that replicate.

Every broker has a plain listener on which everybody may do everything: it is the tests' own. With
`KafkaSecurity` there are two more, SASL_SSL and SSL, and ACLs that bind who comes through the
former. With `proxied` there is one whose clients are sent to a port where a test puts a proxy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.kafka_admin import KafkaAdmin
from tests.support.kafka_settings import KafkaSecurity, common, secure
from tests.support.ports import free_port, is_open
from tests.support.processes import Process
from tests.support.waiting import eventually
from tools.components import kafka as component

_START_SECONDS = 120
_HEAP_MEGABYTES = 384


@dataclass(frozen=True)
class _Ports:
    plain: int
    controller: int
    sasl: int
    tls: int
    proxied: int
    proxy: int


class KafkaBroker(Process):
    """One broker, which is a controller too; its port and data stay the same over restarts."""

    def __init__(
        self, folder: Path, node: int, settings: Mapping[str, str], *, ports: _Ports
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.node = node
        self.ports = ports
        self.settings_file = folder / "server.properties"
        self.settings_file.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        arguments = (f"-Xmx{_HEAP_MEGABYTES}m", "kafka.Kafka", str(self.settings_file))
        super().__init__(f"kafka-{node}", folder, component.java(*arguments))

    def up(self) -> None:
        """Start it, or start it again, and wait until clients can connect."""
        self.begin()
        self.await_up()

    def begin(self) -> None:
        """Start it without waiting."""
        if not (self.folder / "data").exists():
            component.format_storage(self.settings_file)
        self.launch()

    def await_up(self) -> None:
        """Wait until clients can connect."""
        self.await_condition(self._is_up, _START_SECONDS, what="started")

    def _is_up(self) -> bool:
        return "Kafka Server started" in self.log and is_open(self.ports.plain)


class KafkaCluster:
    """One broker, or more that replicate each other's partitions.

    Args:
        folder: for data and logs.
        brokers: 1, or 3 for replication with `min.insync.replicas` 2.
        security: adds the listeners SASL_SSL and SSL, and ACLs.
        proxied: adds a listener that sends its clients to `proxy_ports`.
        settings: further settings of every broker.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        *,
        security: KafkaSecurity | None = None,
        proxied: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._security = security
        self._proxied = proxied
        ports = [_Ports(*(free_port() for _ in range(6))) for _ in range(brokers)]
        voters = ",".join(f"{n}@127.0.0.1:{p.controller}" for n, p in enumerate(ports, start=1))
        self.brokers = [
            KafkaBroker(
                folder / f"kafka-{node}",
                node,
                {
                    **common(brokers),
                    "node.id": str(node),
                    "controller.quorum.voters": voters,
                    "log.dir": str(folder / f"kafka-{node}" / "data"),
                    **self._listeners(p),
                    **(secure(security) if security else {}),
                    **(settings or {}),
                },
                ports=p,
            )
            for node, p in enumerate(ports, start=1)
        ]
        self._admin: KafkaAdmin | None = None

    def _listeners(self, ports: _Ports) -> dict[str, str]:
        bound = {"PLAINTEXT": ports.plain, "CONTROLLER": ports.controller}
        shown = {"PLAINTEXT": f"127.0.0.1:{ports.plain}"}
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        if self._security:
            bound |= {"SASL": ports.sasl, "TLS": ports.tls}
            shown |= {"SASL": f"localhost:{ports.sasl}", "TLS": f"localhost:{ports.tls}"}
            protocols |= {"SASL": "SASL_SSL", "TLS": "SSL"}
        if self._proxied:
            bound["PROXIED"], protocols["PROXIED"] = ports.proxied, "PLAINTEXT"
            shown["PROXIED"] = f"127.0.0.1:{ports.proxy}"
        return {
            "listeners": ",".join(f"{n}://127.0.0.1:{port}" for n, port in bound.items()),
            "advertised.listeners": ",".join(f"{n}://{at}" for n, at in shown.items()),
            "listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in protocols.items()),
        }

    def up(self) -> None:
        """Start all brokers and wait until all can serve."""
        try:
            for broker in self.brokers:
                broker.begin()
            for broker in self.brokers:
                broker.await_up()
            self.await_brokers(len(self.brokers))
        except BaseException:
            self.kill()
            raise

    def down(self) -> None:
        """End all brokers; three are killed, for a controlled end needs a majority of them."""
        self._admin = None
        if len(self.brokers) == 1 and self.brokers[0].running:
            self.brokers[0].terminate()
        self.kill()

    def kill(self) -> None:
        """End all brokers without warning."""
        for broker in self.brokers:
            broker.kill()

    def freeze(self) -> None:
        """Stop all brokers where they stand; their connections stay open."""
        for broker in self.brokers:
            broker.freeze()

    def thaw(self) -> None:
        """Let all brokers go on."""
        for broker in self.brokers:
            broker.thaw()

    def await_brokers(self, count: int) -> None:
        """Wait until the cluster counts so many living brokers."""
        eventually(lambda: len(self.admin.brokers()) == count, 60, what=f"{count} brokers")

    @property
    def admin(self) -> KafkaAdmin:
        """Topics, settings, ACLs, users."""
        if self._admin is None:
            self._admin = KafkaAdmin(",".join(self.bootstrap))
        return self._admin

    def leader(self, topic: str, partition: int = 0) -> KafkaBroker:
        """Return the broker that leads a partition at this moment."""
        node = self.admin.leaders(topic)[partition]
        return next(b for b in self.brokers if b.node == node)

    @property
    def bootstrap(self) -> list[str]:
        """The plain listeners, for `kafka.bootstrapServers`."""
        return [f"127.0.0.1:{b.ports.plain}" for b in self.brokers]

    @property
    def sasl_bootstrap(self) -> list[str]:
        """The SASL_SSL listeners."""
        assert self._security, "give it security"
        return [f"localhost:{b.ports.sasl}" for b in self.brokers]

    @property
    def tls_bootstrap(self) -> list[str]:
        """The SSL listeners."""
        assert self._security, "give it security"
        return [f"localhost:{b.ports.tls}" for b in self.brokers]

    @property
    def proxy_ports(self) -> list[tuple[int, int]]:
        """For each broker: where a proxy should listen, and where it should lead."""
        assert self._proxied, "make it proxied"
        return [(b.ports.proxy, b.ports.proxied) for b in self.brokers]

    @property
    def proxied_bootstrap(self) -> list[str]:
        """The proxies' addresses, for `kafka.bootstrapServers`."""
        return [f"127.0.0.1:{proxy}" for proxy, _ in self.proxy_ports]
