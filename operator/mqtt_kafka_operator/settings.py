"""What the operator is told by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass

LEASE_NAME = "mqtt-kafka-operator"


class SettingsError(Exception):
    """The environment does not say what it has to; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything; each by the environment variable of its name."""

    bridge_image: str
    """Of pods whose template names no other."""
    operator_namespace: str
    """Where the operator runs, and its Lease is."""
    pod_name: str
    """Of the operator's pod: who has the Lease, and who reports Events."""
    lease_name: str = LEASE_NAME
    watch_namespaces: tuple[str, ...] = ()
    """Separated by commas; empty: all of them."""
    log_level: str = "info"
    http_port: int = 8080
    """Of probes and metrics."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the environment.

        Raises:
            SettingsError: something is missing or wrong.
        """
        needed = ("BRIDGE_IMAGE", "OPERATOR_NAMESPACE", "POD_NAME")
        missing = [name for name in needed if not environment.get(name)]
        if missing:
            raise SettingsError(f"set {', '.join(missing)} in the environment, as the chart does")
        port = environment.get("HTTP_PORT", "8080")
        if not port.isdecimal():
            raise SettingsError(f"HTTP_PORT is {port!r}; write a number, such as 8080")
        listed = environment.get("WATCH_NAMESPACES", "").split(",")
        return cls(
            bridge_image=environment["BRIDGE_IMAGE"],
            operator_namespace=environment["OPERATOR_NAMESPACE"],
            pod_name=environment["POD_NAME"],
            lease_name=environment.get("LEASE_NAME") or LEASE_NAME,
            watch_namespaces=tuple(filter(None, map(str.strip, listed))),
            log_level=environment.get("LOG_LEVEL", "info"),
            http_port=int(port),
        )
