"""The pods of one bridge: processes with one configuration, told apart by their names alone."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from mqtt_kafka_bridge.contract.config import BridgeConfig
from mqtt_kafka_bridge.contract.status import BridgeStatus, SessionState, SessionStatus
from mqtt_kafka_bridge.coordination.plan import desired
from tests.support.bridge import Bridge, Config
from tests.support.waiting import eventually

NAMES = ("pod-0", "pod-1", "pod-2")
_SERVING_SECONDS = 30
_SHARED_SECONDS = 30
_GRACE_SECONDS = 30
"""What Kubernetes gives a pod; the bridge's own deadline keeps within it."""
_LOOK_SECONDS = 0.1


class Pods:
    """Up to three bridges that share their sessions by Kafka.

    Args:
        make_bridge: makes a bridge from a configuration.
        config: of all; coordination by Kafka is added.
        servers: the MQTT broker as each pod is to reach it, if not all by the same address.
    """

    def __init__(
        self,
        make_bridge: Callable[[Config], Bridge],
        config: Config,
        servers: Mapping[str, str] | None = None,
    ) -> None:
        self._servers = servers or {}
        self._bridges = {pod: make_bridge(self._of(pod, config)) for pod in NAMES}
        self._wanted = _client_ids(config)
        self._frozen: set[str] = set()

    def _of(self, pod: str, config: Config) -> dict[str, Any]:
        mqtt = config["mqtt"]
        if pod in self._servers:
            mqtt = {**mqtt, "servers": [self._servers[pod]]}
        kafka = {"coordination": {"type": "Kafka"}, **config["kafka"]}
        return {**config, "pod": pod, "mqtt": mqtt, "kafka": kafka}

    def __getitem__(self, pod: str) -> Bridge:
        """Return one of them."""
        return self._bridges[pod]

    def up(self, *pods: str) -> None:
        """Start some at once and wait until they are ready."""
        for pod in pods:
            self[pod].launch()
        for bridge in [self[pod] for pod in pods]:
            bridge.await_condition(partial(getattr, bridge, "port"), _SERVING_SECONDS, what="up")
            bridge.await_ready()

    def stop(self, pod: str) -> None:
        """Stop one in order."""
        assert self[pod].terminate(_GRACE_SECONDS) == 0, self[pod].log_tail()

    def renew(self, pod: str, config: Config) -> None:
        """Stop one in order, and start it with another configuration."""
        self.stop(pod)
        self[pod].configure(self._of(pod, config))
        self._wanted = _client_ids(config)
        self.up(pod)

    def freeze(self, pod: str) -> None:
        """Stop one where it stands."""
        self[pod].freeze()
        self._frozen.add(pod)

    def thaw(self, pod: str) -> None:
        """Let it go on."""
        self[pod].thaw()
        self._frozen.discard(pod)

    @property
    def running(self) -> list[str]:
        """Which of them can answer."""
        return [pod for pod in NAMES if self[pod].running and pod not in self._frozen]

    def statuses(self) -> dict[str, BridgeStatus]:
        """Return what each of them says that can answer."""
        return {pod: self[pod].status() for pod in self.running}

    def sessions(self) -> Iterator[tuple[str, SessionStatus]]:
        """Yield each session that a pod shows, with the pod."""
        for status in self.statuses().values():
            for session in status.sessions:
                yield status.pod, session

    def owners(self) -> dict[str, list[str]]:
        """Return, for each client id, the pods that say that they forward for it."""
        owners = defaultdict(list)
        for pod, session in self.sessions():
            if session.state is SessionState.FORWARDING and session.term is not None:
                owners[session.client_id].append(pod)
        return dict(owners)

    def await_shared(self, within_seconds: float = _SHARED_SECONDS) -> Mapping[str, str]:
        """Wait until each session of the latest configuration forwards on one pod, evenly.

        No pod shows any other session.

        Returns:
            The pod of each client id.
        """

        def shared() -> dict[str, str]:
            owners = self.owners()
            shown = {session.client_id for _, session in self.sessions()}
            each = [pods[0] for pods in owners.values() if len(pods) == 1]
            whole = len(each) == len(owners) and owners.keys() == shown == self._wanted
            even = is_even([Counter(each)[pod] for pod in self.running])
            return {c: pods[0] for c, pods in owners.items()} if whole and even else {}

        return eventually(
            shared,
            within_seconds,
            what=lambda: f"all sessions on {self.running}; {self._story()}",
            every_seconds=_LOOK_SECONDS,
            ignoring=(OSError,),
        )

    def _story(self) -> str:
        shown = [f"{pod}: {s.client_id} {s.state} term {s.term}" for pod, s in self.sessions()]
        return "; ".join(sorted(shown))


def _client_ids(config: Config) -> set[str]:
    """Return the client ids of all sessions that a configuration wants."""
    return {session.client_id for session in desired(BridgeConfig(**{"version": 1, **config}))}


def is_even(counts: Sequence[int]) -> bool:
    """Tell whether no pod has more than its share and one more, nor one more is missing from it."""
    share = sum(counts) / len(counts)
    return max(counts) <= math.ceil(share) + 1 and min(counts) >= math.floor(share) - 1


def of_pod(owners: Mapping[str, str], pod: str) -> Sequence[str]:
    """Return the client ids that a pod forwards for."""
    return [client_id for client_id, owner in owners.items() if owner == pod]
