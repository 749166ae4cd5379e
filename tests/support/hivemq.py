"""HiveMQ Community Edition as a process of a test's own; it starts in 2 s, with a disk in 4.

A broker of another family than Mosquitto, and stricter: who has more unacknowledged messages than
it allows is thrown out (0x93), and while a message to a client is unacknowledged, it sends none
that came after it. It listens on the loopback interface only, and calls nobody.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from tests.support.ports import free_port, is_open
from tests.support.processes import Process
from tools.components import hivemq as component

_START_SECONDS = 60
_HEAP_MEGABYTES = 128
_LONGEST_SECONDS = 4_294_967_295


@dataclass(frozen=True)
class HiveMQOptions:
    """What can be different from broker to broker."""

    persistence: bool = False
    """Keep sessions on disk, over SIGTERM and SIGKILL; else they live in memory."""
    receive_maximum: int = 1000
    """Announced; a client that has more unacknowledged messages under way is thrown out."""
    max_queued_messages: int = 1_000_000
    """Kept for a client that is away or slow; later ones are thrown away."""
    session_expiry_seconds: int = _LONGEST_SECONDS
    """The longest that a client is granted."""
    max_packet_bytes: int = 268_435_460
    """Announced as Maximum Packet Size."""
    max_qos: int = 2
    wildcards: bool = True
    shared_subscriptions: bool = True


class HiveMQ(Process):
    """A broker whose port and data folder stay the same over restarts."""

    def __init__(self, folder: Path, options: HiveMQOptions | None = None) -> None:
        self.options = options or HiveMQOptions()
        self.port = free_port()
        (folder / "conf").mkdir(parents=True, exist_ok=True)
        (folder / "extensions").mkdir(exist_ok=True)
        settings = ElementTree(self._settings())
        indent(settings)
        settings.write(folder / "conf" / "config.xml", "utf-8", xml_declaration=True)
        arguments = component.java(folder, f"-Xmx{_HEAP_MEGABYTES}m")
        super().__init__("hivemq", folder, arguments)

    @property
    def url(self) -> str:
        """Its address in a bridge's configuration."""
        return f"mqtt://127.0.0.1:{self.port}"

    def up(self) -> None:
        """Start it, or start it again, and wait until clients can connect."""
        self.start(self._is_up, _START_SECONDS)

    def restart(self) -> None:
        """End it and start it again; what it has in memory only is lost."""
        self.terminate()
        self.up()

    def forget_sessions(self) -> None:
        """Delete what it has saved; only while it is down."""
        assert not self.running
        shutil.rmtree(self.folder / "data")

    def _is_up(self) -> bool:
        return "Started HiveMQ in" in self.log and is_open(self.port)

    def _settings(self) -> Element:
        options, hivemq = self.options, Element("hivemq")
        for path, value in {
            "listeners/tcp-listener/port": self.port,
            "listeners/tcp-listener/bind-address": "127.0.0.1",
            "persistence/mode": "file" if options.persistence else "in-memory",
            "anonymous-usage-statistics/enabled": False,
            "mqtt/receive-maximum/server-receive-maximum": options.receive_maximum,
            "mqtt/queued-messages/max-queue-size": options.max_queued_messages,
            "mqtt/session-expiry/max-interval": options.session_expiry_seconds,
            "mqtt/packets/max-packet-size": options.max_packet_bytes,
            "mqtt/quality-of-service/max-qos": options.max_qos,
            "mqtt/wildcard-subscriptions/enabled": options.wildcards,
            "mqtt/shared-subscriptions/enabled": options.shared_subscriptions,
        }.items():
            _set(hivemq, path, str(value).lower())
        return hivemq


def _set(parent: Element, path: str, text: str) -> None:
    """Set the text of the element at a path; those on the way to it are made once."""
    for name in path.split("/"):
        found = parent.find(name)
        parent = SubElement(parent, name) if found is None else found
    parent.text = text
