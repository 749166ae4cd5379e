"""Mosquitto as a process of a test's own; it starts in 0.05 s."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.certificates import ServerCertificate
from tests.support.ports import free_port, is_open
from tests.support.processes import Process
from tools.components.programs import command

_START_SECONDS = 10


@dataclass(frozen=True)
class MosquittoOptions:
    """What can be different from broker to broker."""

    users: Mapping[str, str] = field(default_factory=dict)
    """User to password; none: everybody may connect."""
    acl: str | None = None
    """Text of an ACL file; none: everybody may do everything."""
    certificate: ServerCertificate | None = None
    """For a second listener that speaks TLS."""
    persistence: bool = True
    """Keep sessions over a restart (those of clean_start=0 only); saved at SIGTERM."""
    saves_at_once: bool = False
    """Save at each change, so that they survive SIGKILL too; slow."""
    max_inflight_messages: int = 0
    """Announced as Receive Maximum, and the most it sends unacknowledged; 0: the client's alone."""
    max_queued_messages: int = 0
    """Kept for a client that is away; 0: no limit."""
    lines: Sequence[str] = ()
    """Further lines of the configuration."""


class Mosquitto(Process):
    """A broker whose port and data folder stay the same over restarts."""

    def __init__(self, folder: Path, options: MosquittoOptions | None = None) -> None:
        self.options = options or MosquittoOptions()
        self.port = free_port()
        self.tls_port = free_port() if self.options.certificate else None
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "mosquitto.conf"
        super().__init__("mosquitto", folder, [command("mosquitto"), "-c", str(file)])
        file.write_text("\n".join(self._configuration()) + "\n")

    @property
    def url(self) -> str:
        """Its address in a bridge's configuration."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """The address of its TLS listener."""
        assert self.tls_port is not None, "give it a certificate"
        return f"mqtts://localhost:{self.tls_port}"

    def up(self) -> None:
        """Start it, or start it again, and wait until its ports are open."""
        ports = [self.port] + ([self.tls_port] if self.tls_port else [])
        self.start(lambda: all(map(is_open, ports)), _START_SECONDS)

    def restart(self) -> None:
        """End it (it saves its sessions) and start it again."""
        self.terminate()
        self.up()

    def forget_sessions(self) -> None:
        """Delete what it has saved; only while it is down."""
        assert not self.running
        (self.folder / "mosquitto.db").unlink(missing_ok=True)

    def write_users(self, users: Mapping[str, str]) -> None:
        """Write the password file; a running broker reads it at SIGHUP."""
        file = self.folder / "passwords"
        file.write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
        file.chmod(0o600)
        subprocess.run(
            [command("mosquitto_passwd"), "-U", str(file)], check=True, capture_output=True
        )

    def write_acl(self, text: str) -> None:
        """Write the ACL file; a running broker reads it at SIGHUP."""
        (self.folder / "acl").write_text(text)

    def _configuration(self) -> list[str]:
        options = self.options
        lines = [
            "user root",  # as root it would become a user who may not read the folder
            "set_tcp_nodelay true",
            "sys_interval 1",
            f"max_inflight_messages {options.max_inflight_messages}",
            f"max_queued_messages {options.max_queued_messages}",
            f"persistence {str(options.persistence).lower()}",
            f"persistence_location {self.folder}/",
            f"allow_anonymous {str(not options.users).lower()}",
        ]
        if options.saves_at_once:
            lines += ["autosave_interval 1", "autosave_on_changes true"]
        if options.users:
            self.write_users(options.users)
            lines.append(f"password_file {self.folder}/passwords")
        if options.acl is not None:
            self.write_acl(options.acl)
            lines.append(f"acl_file {self.folder}/acl")
        lines += options.lines
        lines.append(f"listener {self.port} 127.0.0.1")
        if options.certificate is not None:
            lines += [
                f"listener {self.tls_port} 127.0.0.1",
                f"certfile {options.certificate.certificate_file}",
                f"keyfile {options.certificate.key_file}",
            ]
        return lines
