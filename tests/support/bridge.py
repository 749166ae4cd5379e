"""The real bridge as a process, from a configuration written as a dict."""

import http.client
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from mqtt_kafka_bridge.contract.status import BridgeStatus, MappingStatus, SessionStatus
from tests.support.processes import Process
from tests.support.waiting import eventually

_PROGRAM = (sys.executable, "-m", "mqtt_kafka_bridge")
_REPOSITORY = Path(__file__).resolve().parents[2]
_SERVING_SECONDS = 20
_READY_SECONDS = 30

Config = Mapping[str, Any]
ALONE: Config = {"type": "None"}
"""`kafka.coordination` of a bridge without others of its like."""


class Metrics:
    """What `/metrics` said at one moment."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples = [s for f in text_string_to_metric_families(text) for s in f.samples]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over the samples of this name that carry these labels; 0 if none."""
        wanted = labels.items()
        return sum(s.value for s in self._samples if s.name == name and wanted <= s.labels.items())


class Bridge(Process):
    """A bridge; it can be ended and started again with the same, or another, configuration.

    Args:
        folder: for its configuration and its log.
        config: as in a file; `version`, `name` and `http` have defaults, and the bridge is alone
            unless `kafka.coordination` says otherwise.
        environment: added to its environment.
        program: another command line in front of `run FILE`.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        *,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config_file = folder / "bridge.yaml"
        super().__init__(
            "bridge", folder, [*program, "run", str(self.config_file)], environment=environment
        )
        self._served: tuple[object, int] | None = None
        """Which start served, and where: another thread may ask while it is started again."""
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Write the configuration that the next start reads."""
        defaults = {"version": 1, "name": "plant", "http": {"host": "127.0.0.1", "port": 0}}
        kafka = {"coordination": ALONE, **config["kafka"]}
        written = {**defaults, **config, "kafka": kafka}
        self.config_file.write_text(yaml.safe_dump(written, sort_keys=False))

    def up(self, *, ready: bool = True) -> None:
        """Start it and wait until it serves and, unless told otherwise, is ready."""
        self.start(lambda: self.port, _SERVING_SECONDS)
        if ready:
            self.await_ready()

    def await_ready(self, within_seconds: float = _READY_SECONDS) -> None:
        """Wait until `/readyz` says 200; the failure's text shows the status and the log's tail."""
        try:
            self.await_condition(lambda: self.ready, within_seconds, what="ready")
        except AssertionError as error:
            said = self._ask("/status")[1] if self.running else "it has ended"
            raise AssertionError(f"{error}\nstatus: {said}") from None

    @property
    def ready(self) -> bool:
        """What `/readyz` says."""
        return self._ask("/readyz")[0] == http.HTTPStatus.OK

    @property
    def port(self) -> int | None:
        """Where it serves, from its own log; None before it does."""
        start = self._child
        if self._served is None or self._served[0] is not start:
            lines = [line for line in self.log_lines() if line.get("message") == "serving"]
            if not lines:
                return None
            self._served = start, int(lines[-1]["http.url"].rsplit(":", 1)[1])
        return self._served[1]

    def log_lines(self) -> list[dict[str, Any]]:
        """Return the JSON lines of its log since the last start; others are left out."""
        lines = self.log.splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def status(self) -> BridgeStatus:
        """Return what `/status` says."""
        return BridgeStatus.model_validate_json(self._ask("/status")[1])

    def mapping(self, name: str) -> MappingStatus:
        """Return one mapping of the status."""
        return next(m for m in self.status().mappings if m.name == name)

    def session(self, mapping: str) -> SessionStatus:
        """Return the session of a mapping of the status."""
        return next(s for s in self.status().sessions if s.mapping == mapping)

    def metrics(self) -> Metrics:
        """Return what `/metrics` says."""
        return Metrics(self._ask("/metrics")[1])

    def await_status(
        self, condition: Callable[[BridgeStatus], object], within_seconds: float, *, what: str
    ) -> BridgeStatus:
        """Wait until the status meets a condition; return it."""

        def met() -> list[BridgeStatus]:
            return [status for status in (self.status(),) if condition(status)]

        found = eventually(
            met,
            within_seconds,
            what=lambda: f"{what}; {self._ask('/status')[1]}",
            ignoring=(OSError,),
        )
        return found[0]

    def _ask(self, path: str) -> tuple[int, str]:
        port = self.port
        if port is None:
            raise ConnectionRefusedError("the bridge serves nothing yet")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


def crashing_bridge(folder: Path, config: Config, point: str, hit: int = 1) -> Bridge:
    """Return a bridge that kills itself upon the n-th time at a crash point."""
    return Bridge(
        folder,
        config,
        environment={"PYTHONPATH": str(_REPOSITORY)},
        program=(sys.executable, "-m", "tests.support.crashing_bridge", point, str(hit)),
    )
